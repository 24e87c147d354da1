CREATE TABLE t (a int, b text);
CREATE INDEX t_i ON t (a, lower(b)) WHERE a > 0 AND b <> '';
