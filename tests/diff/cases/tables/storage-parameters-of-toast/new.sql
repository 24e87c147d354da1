CREATE TABLE blobs (id int, data bytea) WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
