INSERT INTO customers (name, email) VALUES ('Ann', 'a@b');
INSERT INTO orders (customer_id, total) VALUES (1, 9.50);
