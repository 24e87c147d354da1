CREATE EXTENSION btree_gist;
CREATE TABLE stays (room int, during daterange NOT NULL, PRIMARY KEY (room, during WITHOUT OVERLAPS));
CREATE TABLE cleanings (room int, during daterange, FOREIGN KEY (room, PERIOD during) REFERENCES stays (room, PERIOD during));
