CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE VIEW active_users AS SELECT id, name FROM users;
