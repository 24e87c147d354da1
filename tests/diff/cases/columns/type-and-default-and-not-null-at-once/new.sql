CREATE TABLE carts (id int PRIMARY KEY, total numeric(10,2) NOT NULL DEFAULT 0.00);
