CREATE TABLE docs (id int PRIMARY KEY, body text STORAGE EXTERNAL, raw bytea COMPRESSION pglz);
