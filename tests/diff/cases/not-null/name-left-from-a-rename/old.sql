CREATE TABLE users (id int PRIMARY KEY, mail text NOT NULL);
ALTER TABLE users RENAME mail TO email;
