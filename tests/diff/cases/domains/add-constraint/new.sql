CREATE DOMAIN positive AS int CONSTRAINT above_zero CHECK (VALUE > 0);
CREATE TABLE stock (id int PRIMARY KEY, amount positive);
