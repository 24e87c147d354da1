CREATE SEQUENCE n;
CREATE TABLE t (id int PRIMARY KEY DEFAULT nextval('n'), v text);
