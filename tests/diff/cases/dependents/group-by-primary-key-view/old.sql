CREATE TABLE u (id int PRIMARY KEY, name text);
CREATE VIEW v AS SELECT id, name, count(*) AS n FROM u GROUP BY id;
