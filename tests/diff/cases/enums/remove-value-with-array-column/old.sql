CREATE TYPE tag AS ENUM ('red', 'green', 'blue');
CREATE TABLE photos (id int PRIMARY KEY, tags tag[] NOT NULL DEFAULT '{red}');
