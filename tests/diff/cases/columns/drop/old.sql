CREATE TABLE users (id int PRIMARY KEY, name text, legacy_flag boolean);
