CREATE TABLE staff (id int PRIMARY KEY, boss int);
CREATE RECURSIVE VIEW chain (id, depth) AS
    SELECT id, 0 FROM staff WHERE boss IS NULL UNION ALL SELECT s.id, c.depth + 1 FROM staff s JOIN chain c ON s.boss = c.id;
