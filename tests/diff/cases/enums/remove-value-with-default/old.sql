CREATE TYPE state AS ENUM ('open', 'closed', 'obsolete');
CREATE TABLE tickets (id int PRIMARY KEY, state state NOT NULL DEFAULT 'open');
