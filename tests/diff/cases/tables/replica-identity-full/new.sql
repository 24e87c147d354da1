CREATE TABLE events (id int, body text);
ALTER TABLE events REPLICA IDENTITY FULL;
