CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE CHECK (email LIKE '%@%'));
CREATE INDEX users_email_lower ON users (lower(email));
CREATE VIEW mails AS SELECT id, email AS mail FROM users;
