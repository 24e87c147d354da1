CREATE FUNCTION is_slug(v text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT v ~ '^[a-z-]+$' $$;
CREATE DOMAIN slug AS text CHECK (is_slug(VALUE));
CREATE TABLE users (id int PRIMARY KEY, slug slug);
