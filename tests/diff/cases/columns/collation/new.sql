CREATE TABLE names (id int PRIMARY KEY, n text COLLATE "C");
CREATE INDEX names_n ON names (n);
