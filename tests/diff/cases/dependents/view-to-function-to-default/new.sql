CREATE TABLE rates (v numeric, since date);
CREATE VIEW current_rate AS SELECT since, v FROM rates;
CREATE FUNCTION rate() RETURNS numeric LANGUAGE sql STABLE BEGIN ATOMIC SELECT v FROM current_rate LIMIT 1; END;
CREATE TABLE bills (id int PRIMARY KEY, rate numeric DEFAULT rate());
