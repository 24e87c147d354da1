CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS $$ SELECT 'C' $$;
CREATE TABLE orders (id int PRIMARY KEY, code text DEFAULT next_code());
