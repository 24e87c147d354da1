INSERT INTO events VALUES (5, 'b');
