CREATE TABLE a (id int PRIMARY KEY, b_id int);
CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a);
ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b;
CREATE VIEW both_of_them AS SELECT a.id, b.a_id FROM a JOIN b ON a.b_id = b.id;
