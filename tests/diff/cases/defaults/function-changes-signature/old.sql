CREATE FUNCTION make_key(n int) RETURNS text LANGUAGE sql AS $$ SELECT repeat('x', n) $$;
CREATE TABLE keys (id int PRIMARY KEY, k text DEFAULT make_key(3));
