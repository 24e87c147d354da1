INSERT INTO logs (line) VALUES ('x');
