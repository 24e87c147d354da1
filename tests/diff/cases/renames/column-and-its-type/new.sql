CREATE TABLE items (id int PRIMARY KEY, quantity bigint NOT NULL DEFAULT 1);
