CREATE TABLE users (id int PRIMARY KEY, name varchar(50) DEFAULT 'x');
CREATE INDEX users_name ON users (name);
