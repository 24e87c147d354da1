CREATE TABLE docs (id int PRIMARY KEY, tags text[], ts timestamptz);
CREATE INDEX docs_ts ON docs USING brin (ts) WITH (pages_per_range = 32);
CREATE INDEX docs_tags ON docs USING gin (tags);
CREATE INDEX docs_hash ON docs USING hash (id);
