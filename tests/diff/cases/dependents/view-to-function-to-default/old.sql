CREATE TABLE rates (v numeric);
CREATE VIEW current_rate AS SELECT v FROM rates;
CREATE FUNCTION rate() RETURNS numeric LANGUAGE sql STABLE BEGIN ATOMIC SELECT v FROM current_rate LIMIT 1; END;
CREATE TABLE bills (id int PRIMARY KEY, rate numeric DEFAULT rate());
