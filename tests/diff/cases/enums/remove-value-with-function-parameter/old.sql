CREATE TYPE state AS ENUM ('open', 'closed', 'obsolete');
CREATE TABLE tickets (id int PRIMARY KEY, state state NOT NULL);
CREATE FUNCTION is_done(s state) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT s = 'closed' $$;
