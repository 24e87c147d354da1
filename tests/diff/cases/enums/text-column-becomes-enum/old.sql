CREATE TABLE users (id int PRIMARY KEY, role text NOT NULL DEFAULT 'member');
