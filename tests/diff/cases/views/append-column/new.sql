CREATE TABLE users (id int PRIMARY KEY, name text, email text);
CREATE VIEW contacts AS SELECT id, name, email FROM users;
GRANT SELECT ON contacts TO reader;
