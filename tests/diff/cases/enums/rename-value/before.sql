INSERT INTO tasks VALUES (1, 'inprogress'), (2, 'done');
