CREATE SCHEMA reporting;
CREATE TABLE reporting.daily (day date PRIMARY KEY);
GRANT USAGE ON SCHEMA reporting TO reader;
GRANT USAGE, CREATE ON SCHEMA reporting TO writer;
