CREATE TABLE base (id int, n int);
CREATE TABLE child (extra int) INHERITS (base);
