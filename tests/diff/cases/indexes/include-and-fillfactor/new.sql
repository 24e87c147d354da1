CREATE TABLE t (id int PRIMARY KEY, a int, b int);
CREATE INDEX t_a ON t (a) INCLUDE (b) WITH (fillfactor = 90, deduplicate_items = off);
