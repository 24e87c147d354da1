CREATE TABLE readings (id int CONSTRAINT readings_pk PRIMARY KEY, v float8);
CREATE INDEX readings_v ON readings (v);
