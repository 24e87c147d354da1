CREATE DOMAIN score AS int CHECK (VALUE >= 0);
CREATE TABLE games (id int PRIMARY KEY, scores score[]);
