CREATE TABLE users (id int PRIMARY KEY, name text, fax text);
CREATE VIEW contacts AS SELECT id, name, fax FROM users;
