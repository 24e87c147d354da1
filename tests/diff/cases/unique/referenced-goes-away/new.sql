CREATE TABLE c (code text, id int PRIMARY KEY);
CREATE TABLE d (id int PRIMARY KEY, code text);
