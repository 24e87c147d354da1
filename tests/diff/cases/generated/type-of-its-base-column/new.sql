CREATE TABLE items (id int PRIMARY KEY, price bigint, gross bigint GENERATED ALWAYS AS (price * 2) STORED);
