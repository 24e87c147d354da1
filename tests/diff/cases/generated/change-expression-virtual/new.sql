CREATE TABLE items (id int PRIMARY KEY, price int, gross int GENERATED ALWAYS AS (price * 3) VIRTUAL);
