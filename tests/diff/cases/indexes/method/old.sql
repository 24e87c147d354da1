CREATE TABLE docs (id int PRIMARY KEY, tags text[], ts timestamptz);
CREATE INDEX docs_ts ON docs (ts);
