CREATE TABLE prices (id int PRIMARY KEY, price numeric(14,4));
