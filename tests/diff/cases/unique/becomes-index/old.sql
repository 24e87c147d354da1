CREATE TABLE users (id int PRIMARY KEY, email text, CONSTRAINT users_email UNIQUE (email));
