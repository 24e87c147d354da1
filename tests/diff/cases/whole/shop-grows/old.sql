CREATE TYPE order_state AS ENUM ('new', 'paid');
CREATE TABLE customers (id serial PRIMARY KEY, name varchar(80) NOT NULL, email text);
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int REFERENCES customers, state order_state NOT NULL DEFAULT 'new', total numeric(8,2));
CREATE INDEX orders_customer ON orders (customer_id);
CREATE VIEW open_orders AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.state = 'new';
GRANT SELECT ON open_orders TO reader;
