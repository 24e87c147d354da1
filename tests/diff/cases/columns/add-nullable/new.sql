CREATE TABLE users (id int PRIMARY KEY, name text, bio text);
COMMENT ON COLUMN users.bio IS 'in their own words';
