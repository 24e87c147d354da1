INSERT INTO posts VALUES (3, 'x');
