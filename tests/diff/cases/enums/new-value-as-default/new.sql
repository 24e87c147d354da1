CREATE TYPE state AS ENUM ('open', 'closed', 'triage');
CREATE TABLE tickets (id int PRIMARY KEY, state state NOT NULL DEFAULT 'triage');
