CREATE TABLE users (id int PRIMARY KEY, email text, CONSTRAINT one_mail UNIQUE NULLS NOT DISTINCT (email));
