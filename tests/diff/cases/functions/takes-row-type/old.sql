CREATE TABLE users (id int PRIMARY KEY, first text, last text);
CREATE FUNCTION display(u users) RETURNS text LANGUAGE sql STABLE AS $$ SELECT u.first || ' ' || u.last $$;
