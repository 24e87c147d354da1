CREATE TABLE docs (id int PRIMARY KEY, kind text);
