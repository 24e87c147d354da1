CREATE TABLE users (id int PRIMARY KEY, name text DEFAULT 'x');
CREATE INDEX users_name ON users (name);
