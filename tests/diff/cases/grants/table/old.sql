CREATE TABLE t (id int PRIMARY KEY, secret text);
