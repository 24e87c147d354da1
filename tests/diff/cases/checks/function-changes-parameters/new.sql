CREATE FUNCTION ok(value int) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT value > 0 $$;
CREATE TABLE t (id int PRIMARY KEY, n int, CONSTRAINT n_ok CHECK (ok(n)));
