CREATE TABLE t (id int PRIMARY KEY, price numeric);
ALTER TABLE t ADD CONSTRAINT price_ok CHECK (price > 0) NOT VALID;
