CREATE TABLE events (id int PRIMARY KEY, payload text DEFAULT '{}');
