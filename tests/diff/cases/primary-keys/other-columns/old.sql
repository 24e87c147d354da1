CREATE TABLE lines (order_id int NOT NULL, n int NOT NULL, PRIMARY KEY (order_id));
