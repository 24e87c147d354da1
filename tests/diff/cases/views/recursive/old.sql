CREATE TABLE staff (id int PRIMARY KEY, boss int);
