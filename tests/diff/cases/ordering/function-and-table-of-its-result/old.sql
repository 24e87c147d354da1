CREATE TABLE z_last (id int PRIMARY KEY);
