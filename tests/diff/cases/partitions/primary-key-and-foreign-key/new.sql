CREATE TABLE users (id int PRIMARY KEY);
CREATE TABLE events (id int NOT NULL, kind text NOT NULL, user_id int REFERENCES users, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
