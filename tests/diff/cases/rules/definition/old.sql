CREATE TABLE log (id int, msg text);
CREATE TABLE audit (at timestamptz, id int);
CREATE RULE keep AS ON UPDATE TO log DO ALSO INSERT INTO audit VALUES (now(), OLD.id);
