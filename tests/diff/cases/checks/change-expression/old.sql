CREATE TABLE t (id int PRIMARY KEY, price numeric, CONSTRAINT price_ok CHECK (price > 0));
