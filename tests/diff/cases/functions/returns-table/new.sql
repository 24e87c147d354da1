CREATE TABLE users (id int PRIMARY KEY, name text, email text);
CREATE FUNCTION find() RETURNS TABLE (id int, name text, email text) LANGUAGE sql AS $$ SELECT id, name, email FROM users $$;
