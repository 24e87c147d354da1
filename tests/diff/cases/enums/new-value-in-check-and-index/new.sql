CREATE TYPE state AS ENUM ('open', 'closed', 'archived');
CREATE TABLE tickets (id int PRIMARY KEY, state state NOT NULL, closed_at timestamptz,
    CONSTRAINT archived_is_closed CHECK (state <> 'archived' OR closed_at IS NOT NULL));
CREATE INDEX tickets_archived ON tickets (closed_at) WHERE state = 'archived';
