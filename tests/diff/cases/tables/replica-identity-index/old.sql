CREATE TABLE events (id int NOT NULL, body text);
CREATE UNIQUE INDEX events_id ON events (id);
