CREATE TABLE t (id int PRIMARY KEY, price numeric, CONSTRAINT price_positive CHECK (price > 0));
