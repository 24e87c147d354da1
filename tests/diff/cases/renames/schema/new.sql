CREATE SCHEMA store;
CREATE TABLE store.items (id int PRIMARY KEY, name text);
CREATE VIEW store.names AS SELECT name FROM store.items;
