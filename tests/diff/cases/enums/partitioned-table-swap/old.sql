CREATE TYPE kind AS ENUM ('a', 'b', 'c');
CREATE TABLE events (id int, kind kind NOT NULL DEFAULT 'a') PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (100);
