CREATE TABLE base (id int PRIMARY KEY, name text);
