CREATE EXTENSION unaccent;
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION plain ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
CREATE TABLE articles (id bigint PRIMARY KEY, title text NOT NULL, body text NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('plain', title || ' ' || body)) STORED);
CREATE INDEX articles_words ON articles USING gin (words);
CREATE VIEW titles AS SELECT id, title, ts_rank(words, 'x') AS rank FROM articles;
