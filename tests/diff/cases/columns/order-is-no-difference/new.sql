CREATE TABLE users (email text, id int PRIMARY KEY, name text);
