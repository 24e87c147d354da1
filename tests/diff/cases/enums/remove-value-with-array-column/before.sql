INSERT INTO photos VALUES (1, '{red,blue}'), (2, '{}');
