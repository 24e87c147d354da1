CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE INDEX t_by_a ON t (a);
