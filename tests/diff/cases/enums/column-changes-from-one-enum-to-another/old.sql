CREATE TYPE old_state AS ENUM ('on', 'off');
CREATE TABLE switches (id int PRIMARY KEY, state old_state DEFAULT 'off');
