CREATE TABLE carts (id int PRIMARY KEY, total int DEFAULT 1);
