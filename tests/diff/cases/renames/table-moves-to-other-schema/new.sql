CREATE SCHEMA archive;
CREATE TABLE archive.logs (id serial PRIMARY KEY, line text);
CREATE INDEX logs_line ON archive.logs (line);
