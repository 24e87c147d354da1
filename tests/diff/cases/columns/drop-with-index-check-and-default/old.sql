CREATE TABLE users (id int PRIMARY KEY, age int DEFAULT 18 CONSTRAINT adult CHECK (age >= 18));
CREATE INDEX users_age ON users (age);
CREATE INDEX users_id_age ON users (id, age);
