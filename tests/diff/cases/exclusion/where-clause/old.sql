CREATE TABLE shifts (during tstzrange, cancelled boolean, CONSTRAINT one_shift EXCLUDE USING gist (during WITH &&));
