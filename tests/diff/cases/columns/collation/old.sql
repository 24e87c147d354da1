CREATE TABLE names (id int PRIMARY KEY, n text);
CREATE INDEX names_n ON names (n);
