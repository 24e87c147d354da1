CREATE TABLE t (id int PRIMARY KEY, n int, secret text);
CREATE PUBLICATION some_rows FOR TABLE t (id, n) WHERE (n > 0) WITH (publish = 'insert, update', publish_via_partition_root);
COMMENT ON PUBLICATION some_rows IS 'to the warehouse';
