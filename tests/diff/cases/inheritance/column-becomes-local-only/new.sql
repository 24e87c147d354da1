CREATE TABLE base (id int);
CREATE TABLE child (extra int, n int) INHERITS (base);
