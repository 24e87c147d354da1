CREATE TABLE staff_members (id int PRIMARY KEY, n text, salary numeric NOT NULL, hired date);
CREATE VIEW everybody AS SELECT id, n FROM staff_members;
