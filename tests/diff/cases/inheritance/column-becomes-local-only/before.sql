INSERT INTO child (id, n) VALUES (1, 7);
