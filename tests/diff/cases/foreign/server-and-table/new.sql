CREATE FOREIGN DATA WRAPPER nothing OPTIONS (debug 'true');
CREATE SERVER far TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER nothing OPTIONS (host 'h');
CREATE FOREIGN TABLE remote_users (id int OPTIONS (key 'yes') NOT NULL, name text) SERVER far OPTIONS (table_name 'users');
COMMENT ON FOREIGN TABLE remote_users IS 'elsewhere';
GRANT USAGE ON FOREIGN SERVER far TO reader;
