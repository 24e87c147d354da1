CREATE TABLE t (id int CONSTRAINT t_key PRIMARY KEY, a int CONSTRAINT a_positive CHECK (a > 0));
