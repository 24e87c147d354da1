CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE INDEX t_a_key ON t (a);
