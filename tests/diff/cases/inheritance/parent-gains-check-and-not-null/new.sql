CREATE TABLE base (id int NOT NULL, CONSTRAINT pos CHECK (id > 0));
CREATE TABLE child (extra int) INHERITS (base);
