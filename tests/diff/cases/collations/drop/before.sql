INSERT INTO words VALUES ('a'), ('B');
