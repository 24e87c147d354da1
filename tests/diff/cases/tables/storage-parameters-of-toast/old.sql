CREATE TABLE blobs (id int, data bytea);
