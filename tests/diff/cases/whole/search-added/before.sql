INSERT INTO articles VALUES (1, 'a', 'x');
