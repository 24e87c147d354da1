CREATE TABLE shifts (during tstzrange, CONSTRAINT one_shift EXCLUDE USING gist (during WITH &&));
COMMENT ON CONSTRAINT one_shift ON shifts IS 'one at a time';
