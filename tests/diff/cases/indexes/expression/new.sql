CREATE TABLE docs (id int PRIMARY KEY, body jsonb);
CREATE INDEX docs_author ON docs ((body ->> 'author'), (body -> 'year'));
ALTER INDEX docs_author ALTER COLUMN 1 SET STATISTICS 300;
