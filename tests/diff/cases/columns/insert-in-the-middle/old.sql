CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE VIEW user_names AS SELECT * FROM users;
