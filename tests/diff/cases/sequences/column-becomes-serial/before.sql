INSERT INTO posts VALUES (7, 'hello');
