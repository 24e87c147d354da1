CREATE TABLE t (id int PRIMARY KEY, score int);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT max(score) FROM t $$;
