CREATE TABLE t (id int PRIMARY KEY, a int, b int);
CREATE VIEW v AS SELECT id, b FROM t;
CREATE FUNCTION on_v(r v) RETURNS int LANGUAGE sql AS $$ SELECT r.id $$;
