CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS $$ SELECT 'C-' || floor(random() * 1000)::text $$;
CREATE TABLE orders (id int PRIMARY KEY, code text DEFAULT next_code());
