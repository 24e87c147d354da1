CREATE TABLE flags (id int PRIMARY KEY, v boolean);
