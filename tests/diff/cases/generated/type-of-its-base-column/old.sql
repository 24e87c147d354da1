CREATE TABLE items (id int PRIMARY KEY, price int, gross bigint GENERATED ALWAYS AS (price * 2) STORED);
