CREATE TABLE p (id int PRIMARY KEY, first text, last text);
