CREATE TABLE u (id int, name text, CONSTRAINT u_key PRIMARY KEY (id));
CREATE VIEW v AS SELECT id, name, count(*) AS n FROM u GROUP BY id;
