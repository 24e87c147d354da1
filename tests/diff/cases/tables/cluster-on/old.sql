CREATE TABLE readings (at timestamptz, v float8);
CREATE INDEX readings_at ON readings (at);
