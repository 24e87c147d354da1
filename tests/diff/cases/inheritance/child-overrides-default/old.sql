CREATE TABLE base (id int, n int DEFAULT 1);
CREATE TABLE child () INHERITS (base);
