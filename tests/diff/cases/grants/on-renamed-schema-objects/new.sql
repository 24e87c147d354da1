CREATE SCHEMA api;
CREATE TABLE api.t (id int PRIMARY KEY, n int);
CREATE VIEW api.v AS SELECT id FROM api.t;
GRANT SELECT ON api.t, api.v TO reader;
