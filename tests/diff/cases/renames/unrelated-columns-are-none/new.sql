CREATE TABLE users (id int PRIMARY KEY, last_login timestamptz);
