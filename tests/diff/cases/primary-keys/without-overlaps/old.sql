CREATE EXTENSION btree_gist;
CREATE TABLE stays (room int, during daterange NOT NULL);
