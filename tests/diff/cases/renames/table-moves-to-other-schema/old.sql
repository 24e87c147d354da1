CREATE SCHEMA archive;
CREATE TABLE logs (id serial PRIMARY KEY, line text);
CREATE INDEX logs_line ON logs (line);
