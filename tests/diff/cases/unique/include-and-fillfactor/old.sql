CREATE TABLE m (a int, b int);
