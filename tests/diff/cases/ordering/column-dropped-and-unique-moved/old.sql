CREATE TABLE t (id int PRIMARY KEY, code int, CONSTRAINT t_code UNIQUE (code));
