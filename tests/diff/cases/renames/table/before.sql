INSERT INTO clients (name, email) VALUES ('Ann', 'a');
INSERT INTO bills VALUES (1, 1);
