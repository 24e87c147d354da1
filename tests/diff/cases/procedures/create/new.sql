CREATE TABLE jobs (id int PRIMARY KEY, done boolean);
CREATE PROCEDURE finish(job int, INOUT n int DEFAULT 0) LANGUAGE plpgsql AS $$ BEGIN UPDATE jobs SET done = true WHERE id = job; END $$;
COMMENT ON PROCEDURE finish IS 'marks a job';
