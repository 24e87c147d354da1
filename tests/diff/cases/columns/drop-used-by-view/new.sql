CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE VIEW contacts AS SELECT id, name FROM users;
