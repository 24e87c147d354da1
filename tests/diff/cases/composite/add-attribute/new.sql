CREATE TYPE address AS (street text, city text, country text);
CREATE TABLE people (id int PRIMARY KEY, home address);
