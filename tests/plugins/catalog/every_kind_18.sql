-- What PostgreSQL 18 has and 15 has not. Runs after every_kind.sql.
CREATE TABLE app.rooms (
    id int,
    during daterange CONSTRAINT during_known NOT NULL,
    twice int GENERATED ALWAYS AS (id * 2) VIRTUAL,
    CONSTRAINT rooms_key PRIMARY KEY (id, during WITHOUT OVERLAPS),
    CONSTRAINT unsure CHECK (id > 0) NOT ENFORCED
);
CREATE TABLE app.stays (
    room int,
    during daterange,
    CONSTRAINT in_room FOREIGN KEY (room, PERIOD during) REFERENCES app.rooms (id, PERIOD during)
);
ALTER TABLE app.log ADD CONSTRAINT id_known NOT NULL id NOT VALID;
COMMENT ON CONSTRAINT during_known ON app.rooms IS 'always known';
CREATE DOMAIN app.known AS int CONSTRAINT is_known NOT NULL;
GRANT MAINTAIN ON app.rooms TO pg_monitor;
CREATE COLLATION app.c_builtin (provider = builtin, locale = 'C.UTF-8');
CREATE PUBLICATION generated FOR TABLE app.rooms WITH (publish_generated_columns = stored);
