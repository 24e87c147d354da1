CREATE TABLE readings (id int CONSTRAINT readings_pk PRIMARY KEY USING INDEX TABLESPACE fast, v float8);
CREATE INDEX readings_v ON readings (v) TABLESPACE fast;
