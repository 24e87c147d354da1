SET client_min_messages = warning;
BEGIN;
CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, name text);
INSERT INTO t VALUES (1, 'seed');
COMMIT;
