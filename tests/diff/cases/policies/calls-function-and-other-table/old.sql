CREATE TABLE members (team int, who text);
CREATE TABLE notes (id int PRIMARY KEY, team int);
