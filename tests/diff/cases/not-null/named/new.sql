CREATE TABLE users (id int PRIMARY KEY, email text CONSTRAINT email_given NOT NULL);
COMMENT ON CONSTRAINT email_given ON users IS 'we write to everybody';
