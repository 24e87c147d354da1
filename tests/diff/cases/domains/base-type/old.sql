CREATE DOMAIN code AS varchar(10) CONSTRAINT upper_case CHECK (VALUE = upper(VALUE));
CREATE TABLE parts (id int PRIMARY KEY, code code DEFAULT 'X');
CREATE VIEW part_codes AS SELECT code FROM parts;
