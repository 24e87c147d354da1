CREATE TABLE a (x int);
CREATE TABLE b (x int);
CREATE INDEX by_x ON a (x);
