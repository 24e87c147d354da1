CREATE TABLE users (id int PRIMARY KEY, about text);
