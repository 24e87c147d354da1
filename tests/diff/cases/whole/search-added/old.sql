CREATE TABLE articles (id bigint PRIMARY KEY, title text NOT NULL, body text NOT NULL);
CREATE VIEW titles AS SELECT id, title FROM articles;
