CREATE TABLE t (id int PRIMARY KEY, ok boolean);
CREATE VIEW v AS SELECT id, ok FROM t WHERE ok;
