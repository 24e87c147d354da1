CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE sessions (id uuid PRIMARY KEY, user_id int REFERENCES users);
