CREATE TABLE t (id serial PRIMARY KEY, n int);
CREATE INDEX t_n ON t (n);
ALTER TABLE t OWNER TO app;
