CREATE SCHEMA shop;
CREATE TABLE shop.items (id int PRIMARY KEY, name text);
CREATE VIEW shop.names AS SELECT name FROM shop.items;
