INSERT INTO users VALUES (1, 'Ann Lee', 'a@b');
