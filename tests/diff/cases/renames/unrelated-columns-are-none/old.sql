CREATE TABLE users (id int PRIMARY KEY, zip_code char(5) NOT NULL DEFAULT '00000');
