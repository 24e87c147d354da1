CREATE TYPE priority AS ENUM ('high', 'low', 'medium');
CREATE TABLE jobs (id int PRIMARY KEY, priority priority NOT NULL);
CREATE INDEX jobs_priority ON jobs (priority);
