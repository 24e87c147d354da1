CREATE TYPE address AS (street text, city text, zip varchar(10));
COMMENT ON TYPE address IS 'postal';
COMMENT ON COLUMN address.zip IS 'no blanks';
CREATE TABLE people (id int PRIMARY KEY, home address);
