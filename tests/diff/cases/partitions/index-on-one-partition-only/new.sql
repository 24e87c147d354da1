CREATE TABLE events (id int, kind text) PARTITION BY LIST (kind);
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
CREATE INDEX events_a_id ON events_a (id);
ALTER TABLE events_a ADD CONSTRAINT positive CHECK (id > 0);
