CREATE FUNCTION make_key(n int, c text) RETURNS text LANGUAGE sql AS $$ SELECT repeat(c, n) $$;
CREATE TABLE keys (id int PRIMARY KEY, k text DEFAULT make_key(3, 'y'));
