INSERT INTO posts VALUES ('a'), ('b');
