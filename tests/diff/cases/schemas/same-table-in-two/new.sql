CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.items (id int PRIMARY KEY, name text);
CREATE TABLE b.items (id int PRIMARY KEY, name text NOT NULL);
