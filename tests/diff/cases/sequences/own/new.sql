CREATE SEQUENCE ticket_ids;
CREATE TABLE tickets (id bigint NOT NULL DEFAULT nextval('ticket_ids'));
ALTER SEQUENCE ticket_ids OWNED BY tickets.id;
