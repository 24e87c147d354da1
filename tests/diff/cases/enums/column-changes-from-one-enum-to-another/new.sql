CREATE TYPE new_state AS ENUM ('off', 'on', 'broken');
CREATE TABLE switches (id int PRIMARY KEY, state new_state DEFAULT 'off');
