CREATE TYPE state AS ENUM ('new', 'inprogress', 'done');
CREATE TABLE tasks (id int PRIMARY KEY, state state NOT NULL DEFAULT 'inprogress');
