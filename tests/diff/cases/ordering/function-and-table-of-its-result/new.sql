CREATE TABLE z_last (id int PRIMARY KEY);
CREATE TABLE y_result (id int, label text);
CREATE FUNCTION a_first() RETURNS SETOF y_result LANGUAGE sql AS $$ SELECT id, 'x' FROM z_last $$;
