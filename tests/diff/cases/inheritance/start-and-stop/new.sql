CREATE TABLE base (id int, name text);
CREATE TABLE child (id int, name text, extra int) INHERITS (base);
