CREATE FUNCTION norm(input text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper(input) $$;
CREATE TABLE t (id int PRIMARY KEY, name text);
CREATE INDEX t_norm ON t (norm(name));
