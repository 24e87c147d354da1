INSERT INTO polls VALUES (1, '{1,2}');
