INSERT INTO switches VALUES (1, 'on');
