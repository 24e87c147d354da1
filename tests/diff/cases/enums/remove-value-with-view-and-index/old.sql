CREATE TYPE state AS ENUM ('open', 'closed', 'obsolete');
CREATE TABLE tickets (id int PRIMARY KEY, state state NOT NULL, CHECK (state <> 'closed' OR id > 0));
CREATE INDEX tickets_open ON tickets (id) WHERE state = 'open';
CREATE VIEW open_tickets AS SELECT id, state FROM tickets WHERE state = 'open';
GRANT SELECT ON open_tickets TO reader;
