CREATE TABLE orders (id int PRIMARY KEY, code text DEFAULT 'none');
