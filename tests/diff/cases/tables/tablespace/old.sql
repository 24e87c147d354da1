CREATE TABLE readings (id int PRIMARY KEY, v float8);
