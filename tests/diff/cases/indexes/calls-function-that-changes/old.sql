CREATE FUNCTION norm(v text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(v) $$;
CREATE TABLE t (id int PRIMARY KEY, name text);
CREATE INDEX t_norm ON t (norm(name));
