CREATE TABLE log (id int, msg text);
CREATE TABLE audit (at timestamptz, id int);
CREATE RULE keep AS ON UPDATE TO log WHERE OLD.id > 0 DO ALSO INSERT INTO audit VALUES (now(), NEW.id);
