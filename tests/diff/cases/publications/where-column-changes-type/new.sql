CREATE TABLE t (id int PRIMARY KEY, n bigint);
CREATE PUBLICATION p FOR TABLE t WHERE (n > 5) WITH (publish = 'insert');
