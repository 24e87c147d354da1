CREATE TYPE feeling AS ENUM ('sad', 'ok');
CREATE TABLE people (id int PRIMARY KEY, m feeling DEFAULT 'ok');
