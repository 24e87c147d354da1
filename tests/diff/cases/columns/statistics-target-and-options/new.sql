CREATE TABLE docs (id int PRIMARY KEY, kind text);
ALTER TABLE docs ALTER kind SET STATISTICS 500, ALTER kind SET (n_distinct = 7);
