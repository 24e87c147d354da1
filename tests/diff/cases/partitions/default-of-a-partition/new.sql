CREATE TABLE events (id int, kind text, n int DEFAULT 1) PARTITION BY LIST (kind);
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
ALTER TABLE events_a ALTER n SET DEFAULT 9;
