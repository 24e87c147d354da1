CREATE TABLE users (id int PRIMARY KEY, email text, CONSTRAINT one_mail UNIQUE (email));
