CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE ghosts (id int PRIMARY KEY);
CREATE FUNCTION all_ghosts() RETURNS SETOF ghosts LANGUAGE sql AS $$ SELECT * FROM ghosts $$;
