CREATE TABLE parent (id int, CONSTRAINT never CHECK (id IS NULL));
