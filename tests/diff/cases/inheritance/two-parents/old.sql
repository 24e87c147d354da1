CREATE TABLE a (id int);
CREATE TABLE b (id int, n int);
CREATE TABLE c () INHERITS (a);
