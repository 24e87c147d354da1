CREATE TABLE users (id bigint PRIMARY KEY, display_name text NOT NULL, email text NOT NULL UNIQUE);
