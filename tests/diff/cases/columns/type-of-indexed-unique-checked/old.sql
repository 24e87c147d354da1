CREATE TABLE codes (code int PRIMARY KEY, alt int UNIQUE, CONSTRAINT small CHECK (alt < 100));
CREATE INDEX codes_double ON codes ((alt * 2)) WHERE alt > 3;
