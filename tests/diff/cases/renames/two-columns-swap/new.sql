CREATE TABLE p (id int PRIMARY KEY, given text, family text);
