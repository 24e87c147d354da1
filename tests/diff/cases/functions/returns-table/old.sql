CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE FUNCTION find() RETURNS TABLE (id int, name text) LANGUAGE sql AS $$ SELECT id, name FROM users $$;
