CREATE TABLE users (id int PRIMARY KEY, email text CONSTRAINT must_have_mail NOT NULL);
