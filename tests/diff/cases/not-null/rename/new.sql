CREATE TABLE users (id int PRIMARY KEY, email text CONSTRAINT email_given NOT NULL);
