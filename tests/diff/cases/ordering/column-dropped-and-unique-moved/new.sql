CREATE TABLE t (id int PRIMARY KEY, label text, CONSTRAINT t_code UNIQUE (label));
