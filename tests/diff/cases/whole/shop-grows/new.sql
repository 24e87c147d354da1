CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped');
CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL, email text UNIQUE, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE products (id bigserial PRIMARY KEY, name text NOT NULL, price numeric(10,2) NOT NULL CHECK (price >= 0));
CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers ON DELETE RESTRICT, state order_state NOT NULL DEFAULT 'new', total numeric(10,2));
CREATE TABLE order_lines (order_id bigint REFERENCES orders ON DELETE CASCADE, product_id bigint REFERENCES products, quantity int NOT NULL DEFAULT 1, PRIMARY KEY (order_id, product_id));
CREATE INDEX orders_customer ON orders (customer_id, state);
CREATE VIEW open_orders AS SELECT o.id, c.name, o.total FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.state <> 'shipped';
GRANT SELECT ON open_orders TO reader;
