CREATE TABLE users (id int PRIMARY KEY, mail text UNIQUE CHECK (mail LIKE '%@%'));
CREATE INDEX users_mail_lower ON users (lower(mail));
CREATE VIEW mails AS SELECT id, mail FROM users;
