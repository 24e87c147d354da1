CREATE TABLE c (code text CONSTRAINT c_code UNIQUE, id int PRIMARY KEY);
CREATE TABLE d (id int PRIMARY KEY, code text CONSTRAINT d_code REFERENCES c (code));
