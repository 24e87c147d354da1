CREATE TABLE shifts (during tstzrange);
