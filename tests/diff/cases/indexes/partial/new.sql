CREATE TABLE jobs (id int PRIMARY KEY, done boolean, at timestamptz);
CREATE INDEX jobs_open ON jobs (at) WHERE NOT done;
