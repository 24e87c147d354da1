CREATE TABLE events (id int, kind text, note text NOT NULL DEFAULT '') PARTITION BY LIST (kind);
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
