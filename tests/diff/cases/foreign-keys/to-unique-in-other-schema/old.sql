CREATE SCHEMA ref;
CREATE TABLE ref.countries (code char(2), name text);
CREATE TABLE cities (id int PRIMARY KEY, country char(2));
