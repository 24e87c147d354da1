CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE active_users (id int, name text);
