CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE PUBLICATION p FOR TABLE t WHERE (n > 5) WITH (publish = 'insert');
