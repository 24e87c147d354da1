CREATE TYPE state AS ENUM ('open', 'closed');
CREATE TABLE tickets (id int PRIMARY KEY, state state NOT NULL, closed_at timestamptz);
