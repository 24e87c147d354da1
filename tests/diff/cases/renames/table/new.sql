CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, email text UNIQUE);
CREATE TABLE bills (id int PRIMARY KEY, client_id bigint REFERENCES customers);
