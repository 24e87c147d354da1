CREATE TABLE p (a int, b int, UNIQUE (a, b), UNIQUE (b, a));
CREATE TABLE c (x int, y int, CONSTRAINT c_p FOREIGN KEY (x, y) REFERENCES p (a, b));
