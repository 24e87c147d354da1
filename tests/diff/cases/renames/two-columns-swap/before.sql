INSERT INTO p VALUES (1, 'Ann', 'Lee');
