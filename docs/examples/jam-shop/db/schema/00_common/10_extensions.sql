CREATE EXTENSION btree_gist;  -- equality in exclusion constraints
CREATE EXTENSION citext;      -- e-mail addresses, compared without regard to case
CREATE EXTENSION pg_trgm;     -- search by similarity
