CREATE TABLE base (id int PRIMARY KEY, name text);
CREATE TABLE child (extra int) INHERITS (base);
