CREATE TABLE orders (id int PRIMARY KEY);
CREATE TABLE aaa_lines (order_id int REFERENCES orders, n int, PRIMARY KEY (order_id, n));
CREATE TABLE aaa_discounts (order_id int, n int, FOREIGN KEY (order_id, n) REFERENCES aaa_lines);
