-- One of everything that PostgreSQL 15 knows. What later versions add is in every_kind_18.sql.
CREATE SCHEMA app;
CREATE SCHEMA "Odd Name";
COMMENT ON SCHEMA app IS 'the application';
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION btree_gist;
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE app.mood ADD VALUE 'fine' BEFORE 'happy';
COMMENT ON TYPE app.mood IS 'how one feels';
CREATE DOMAIN app.email AS public.citext COLLATE "C" DEFAULT 'nobody@example.com' NOT NULL
    CONSTRAINT has_at CHECK (VALUE ~ '@');
COMMENT ON DOMAIN app.email IS 'an address';
COMMENT ON CONSTRAINT has_at ON DOMAIN app.email IS 'one at least';
CREATE TYPE app.point3 AS (x float8, y float8, z text COLLATE "C");
COMMENT ON TYPE app.point3 IS 'in space';
COMMENT ON COLUMN app.point3.x IS 'abscissa';
GRANT USAGE ON TYPE app.point3 TO PUBLIC;
REVOKE USAGE ON TYPE app.mood FROM PUBLIC;
CREATE FUNCTION app.diff(a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT a - b';
CREATE TYPE app.floats AS RANGE (subtype = float8, subtype_diff = app.diff, multirange_type_name = app.many_floats);
CREATE TYPE app.shell;
CREATE COLLATION app.numeric_order (provider = libc, locale = 'C');
COMMENT ON COLLATION app.numeric_order IS 'ten after nine';

CREATE TYPE app.text7;
CREATE FUNCTION app.text7_in(cstring) RETURNS app.text7 LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION app.text7_out(app.text7) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE app.text7 (INPUT = app.text7_in, OUTPUT = app.text7_out, LIKE = text);

CREATE SEQUENCE app.numbers AS integer START 5 INCREMENT 3 MINVALUE 2 MAXVALUE 9000 CACHE 4 CYCLE;
COMMENT ON SEQUENCE app.numbers IS 'threes';
CREATE TABLE app.users (
    id bigint GENERATED ALWAYS AS IDENTITY (START 100) PRIMARY KEY,
    code serial,
    name text COLLATE "C" NOT NULL DEFAULT 'anon',
    mail app.email,
    mood app.mood[] DEFAULT '{sad}',
    place app.point3,
    price numeric(10, 2) CONSTRAINT positive CHECK (price > 0) NO INHERIT,
    doubled numeric GENERATED ALWAYS AS (price * 2) STORED,
    at timestamptz NOT NULL DEFAULT '2026-01-01 00:00+00',
    during tstzrange,
    small int4range,
    CONSTRAINT mail_once UNIQUE NULLS NOT DISTINCT (mail) INCLUDE (name) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT no_overlap EXCLUDE USING gist (small WITH &&) WHERE (small IS NOT NULL)
) WITH (fillfactor = 70, toast.autovacuum_enabled = false);
ALTER TABLE app.users ALTER name SET STORAGE EXTERNAL, ALTER name SET STATISTICS 42, ALTER id SET (n_distinct = -0.5),
    ALTER name SET COMPRESSION pglz;
COMMENT ON TABLE app.users IS 'people';
COMMENT ON COLUMN app.users.name IS 'as told';
COMMENT ON CONSTRAINT positive ON app.users IS 'never free';
COMMENT ON INDEX app.users_pkey IS 'the key''s index';
CREATE TABLE "Odd Name"."Table ""q""" ("a.b" int, c text);
CREATE UNLOGGED TABLE app.log (id int, user_id bigint REFERENCES app.users ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE);
ALTER TABLE app.log ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
ALTER TABLE app.log REPLICA IDENTITY FULL;
CREATE TABLE app.parent (a int CONSTRAINT a_small CHECK (a < 100), b text);
CREATE TABLE app.child (c int, a int) INHERITS (app.parent);
CREATE TABLE app.of_type OF app.point3;
CREATE TABLE app.events (id bigint NOT NULL, day date NOT NULL, kind text, user_id bigint REFERENCES app.users,
    PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE app.events_2026 PARTITION OF app.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT PARTITION BY HASH (id);
CREATE TABLE app.events_rest_a PARTITION OF app.events_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE app.notes (event bigint, day date, CONSTRAINT of_event FOREIGN KEY (event, day) REFERENCES app.events);
CREATE INDEX events_day ON app.events (day DESC);

CREATE INDEX users_name ON app.users USING btree (lower(name) COLLATE "C" text_pattern_ops DESC NULLS LAST, at)
    INCLUDE (price) WITH (fillfactor = 60) WHERE price > 1;
ALTER INDEX app.users_name ALTER COLUMN 1 SET STATISTICS 77;
COMMENT ON INDEX app.users_name IS 'by name';
CREATE UNIQUE INDEX parent_a ON app.parent (a);
ALTER TABLE app.parent CLUSTER ON parent_a;
CREATE UNIQUE INDEX of_type_x ON app.of_type (x);
ALTER TABLE app.of_type ALTER x SET NOT NULL;
ALTER TABLE app.of_type REPLICA IDENTITY USING INDEX of_type_x;
CREATE STATISTICS app.stats (ndistinct, dependencies) ON name, price FROM app.users;
ALTER STATISTICS app.stats SET STATISTICS 9;
COMMENT ON STATISTICS app.stats IS 'together';

CREATE FUNCTION app.add(a int, b int DEFAULT 2, OUT total int) LANGUAGE sql IMMUTABLE COST 7 SET work_mem = '8MB'
    RETURN a + b;
CREATE FUNCTION app.add(VARIADIC a text[]) RETURNS SETOF text LANGUAGE sql STABLE ROWS 5 AS 'SELECT unnest(a)';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN new; END $$;
CREATE FUNCTION app.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE FUNCTION app.rows_of(u app.users) RETURNS app.users LANGUAGE sql AS 'SELECT u';
CREATE PROCEDURE app.doit(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN x := 1; END $$;
COMMENT ON FUNCTION app.add(int, int) IS 'sums';
COMMENT ON PROCEDURE app.doit(int) IS 'does it';
REVOKE EXECUTE ON FUNCTION app.add(int, int) FROM PUBLIC;
CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', PARALLEL = safe);
COMMENT ON AGGREGATE app.total(int) IS 'a sum';
CREATE AGGREGATE app.pct(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
    FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE OPERATOR app.@@+ (FUNCTION = app.diff, LEFTARG = float8, RIGHTARG = float8, COMMUTATOR = OPERATOR(app.@@#));
COMMENT ON OPERATOR app.@@+ (float8, float8) IS 'odd';
CREATE OPERATOR FAMILY app.int_ops USING btree;
ALTER OPERATOR FAMILY app.int_ops USING btree ADD OPERATOR 1 < (int4, int8), FUNCTION 1 btint48cmp(int4, int8);
CREATE OPERATOR CLASS app.odd_ops FOR TYPE int4 USING btree FAMILY app.int_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int4, int4);
CREATE FUNCTION app.mood_int(app.mood) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE CAST (app.mood AS int) WITH FUNCTION app.mood_int(app.mood) AS ASSIGNMENT;
COMMENT ON CAST (app.mood AS int) IS 'a guess';
CREATE CONVERSION app.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE FUNCTION app.plother_call() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION app.plother_validate(oid) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE LANGUAGE plother HANDLER app.plother_call VALIDATOR app.plother_validate;
COMMENT ON LANGUAGE plother IS 'another';
CREATE FUNCTION app.mood_from(internal) RETURNS internal LANGUAGE internal IMMUTABLE STRICT AS 'textsend';
CREATE TRANSFORM FOR app.text7 LANGUAGE plpgsql (FROM SQL WITH FUNCTION app.mood_from(internal));

CREATE VIEW app.names WITH (security_barrier, security_invoker = true) AS SELECT id, name FROM app.users WHERE price > 1
    WITH LOCAL CHECK OPTION;
ALTER VIEW app.names ALTER COLUMN name SET DEFAULT 'viewed';
COMMENT ON VIEW app.names IS 'of some';
COMMENT ON COLUMN app.names.name IS 'seen';
CREATE VIEW app.above AS SELECT n.*, l.user_id FROM app.names n JOIN app.log l ON l.user_id = n.id;
CREATE MATERIALIZED VIEW app.counts AS SELECT mood, count(*) FROM app.users GROUP BY 1;
CREATE MATERIALIZED VIEW app.later_counts AS SELECT 1 AS one WITH NO DATA;
CREATE UNIQUE INDEX counts_mood ON app.counts (mood);
COMMENT ON MATERIALIZED VIEW app.counts IS 'how many';

CREATE TRIGGER touched BEFORE UPDATE OF name ON app.users FOR EACH ROW WHEN (old.name <> new.name)
    EXECUTE FUNCTION app.touch();
CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON app.users DEFERRABLE FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TRIGGER for_all AFTER INSERT ON app.events FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.users DISABLE TRIGGER touched;
COMMENT ON TRIGGER touched ON app.users IS 'touches';
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('DROP TABLE', 'CREATE TABLE') EXECUTE FUNCTION app.on_ddl();
ALTER EVENT TRIGGER watch DISABLE;
COMMENT ON EVENT TRIGGER watch IS 'watches';
CREATE RULE no_delete AS ON DELETE TO app.log DO INSTEAD NOTHING;
COMMENT ON RULE no_delete ON app.log IS 'keeps';
ALTER TABLE app.users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON app.users AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (name = CURRENT_USER) WITH CHECK (id > 0);
COMMENT ON POLICY own ON app.users IS 'only own';

GRANT SELECT ON app.users TO pg_monitor WITH GRANT OPTION;
GRANT SELECT (name), UPDATE (name) ON app.users TO PUBLIC;
GRANT SELECT (id) ON app.log TO PUBLIC;
GRANT USAGE ON SCHEMA app TO PUBLIC;
GRANT USAGE ON SEQUENCE app.numbers TO pg_monitor;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO pg_monitor;
ALTER TABLE app.counts OWNER TO pg_monitor;

CREATE PUBLICATION a_few FOR TABLE app.users WHERE (id > 1), TABLES IN SCHEMA "Odd Name"
    WITH (publish = 'insert, delete');
CREATE PUBLICATION columns FOR TABLE app.parent (a);
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root);
COMMENT ON PUBLICATION a_few IS 'a few';
CREATE FOREIGN DATA WRAPPER plain OPTIONS (b '2', a '1');
CREATE SERVER far TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far', dbname 'd');
COMMENT ON SERVER far IS 'away';
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'me', password 'secret');
CREATE FOREIGN TABLE app.remote (id int OPTIONS (column_name 'ID') NOT NULL, t text) SERVER far OPTIONS (table_name 'r');
GRANT USAGE ON FOREIGN SERVER far TO pg_monitor;

CREATE TEXT SEARCH DICTIONARY app.dict (TEMPLATE = pg_catalog.simple, stopwords = 'english');
CREATE TEXT SEARCH PARSER app.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end,
    LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE app.tmpl (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH CONFIGURATION app.conf (PARSER = app.parser);
ALTER TEXT SEARCH CONFIGURATION app.conf ADD MAPPING FOR asciiword, word WITH app.dict, pg_catalog.simple;
COMMENT ON TEXT SEARCH CONFIGURATION app.conf IS 'words';
