INSERT INTO users VALUES (1, 'admin');
INSERT INTO users VALUES (2);
