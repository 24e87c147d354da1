CREATE TYPE priority AS ENUM ('low', 'medium', 'high');
CREATE TABLE jobs (id int PRIMARY KEY, priority priority NOT NULL);
CREATE INDEX jobs_priority ON jobs (priority);
