CREATE TABLE users (id int PRIMARY KEY, score int);
CREATE VIEW best AS SELECT id FROM users WHERE score > 5;
CREATE VIEW best_two AS SELECT id FROM best LIMIT 2;
