CREATE DOMAIN positive AS int;
CREATE TABLE stock (id int PRIMARY KEY, amount positive);
