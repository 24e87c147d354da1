CREATE TABLE events (id int, kind text, n bigint) PARTITION BY LIST (kind);
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
CREATE INDEX events_n ON events (n);
