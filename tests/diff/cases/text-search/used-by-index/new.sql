CREATE TABLE docs (id int PRIMARY KEY, body text);
CREATE TEXT SEARCH CONFIGURATION notes (COPY = simple);
CREATE INDEX docs_fts ON docs USING gin (to_tsvector('notes', body));
