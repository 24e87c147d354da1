CREATE TABLE users (id int PRIMARY KEY, born date, name text);
CREATE VIEW user_names AS SELECT id, name FROM users;
