CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE people (id int PRIMARY KEY);
CREATE TABLE posts (id int PRIMARY KEY, author int CONSTRAINT posts_author REFERENCES people);
