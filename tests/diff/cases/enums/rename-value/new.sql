CREATE TYPE state AS ENUM ('new', 'in_progress', 'done');
CREATE TABLE tasks (id int PRIMARY KEY, state state NOT NULL DEFAULT 'in_progress');
