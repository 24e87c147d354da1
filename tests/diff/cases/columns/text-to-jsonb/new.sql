CREATE TABLE events (id int PRIMARY KEY, payload jsonb DEFAULT '{}');
CREATE INDEX events_payload ON events USING gin (payload);
