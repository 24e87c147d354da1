"""Owners, comments, privileges, and default privileges."""

from __future__ import annotations

import msgspec
import pytest

from confiture.model import DiffOptions, Grant, Schema, SchemaObject
from confiture_catalog.differ.planning import make_plan

pytestmark = pytest.mark.anyio

#: Roles are the server's, and tests run at once: they are made once and stay.
ROLES = """DO $$ BEGIN CREATE ROLE differ_a; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
    DO $$ BEGIN CREATE ROLE differ_b; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;"""
TABLE = ROLES + "CREATE TABLE t (a integer, b integer);"


async def test_only_the_grant_option_is_taken_back(migrates):
    granted = "GRANT SELECT ON t TO differ_a"
    statements = await migrates(f"{TABLE} {granted} WITH GRANT OPTION;", f"{TABLE} {granted};")
    assert statements == ["REVOKE GRANT OPTION FOR SELECT ON TABLE public.t FROM differ_a"]


async def test_a_columns_privilege_outlives_its_tables(migrates):
    """REVOKE on a table takes the privilege from the columns too."""
    column = f"{TABLE} GRANT SELECT (a), UPDATE (b) ON t TO differ_a;"
    statements = await migrates(f"{column} GRANT SELECT ON t TO differ_a;", column)
    assert statements == [
        "REVOKE SELECT ON TABLE public.t FROM differ_a",
        "GRANT SELECT (a) ON TABLE public.t TO differ_a",
    ]


async def test_what_somebody_else_granted_is_granted_and_revoked_as_that_role(migrates):
    option = f"{TABLE} GRANT SELECT ON t TO differ_a WITH GRANT OPTION;"
    passed_on = "SET ROLE differ_a; GRANT SELECT ON t TO differ_b; RESET ROLE;"
    await migrates(f"{option} {passed_on}", TABLE)


async def test_privileges_follow_an_owner_who_changes(migrates):
    """What the old owner had taken from himself is then the new one's; what the new one was granted is merged."""
    old = f"{TABLE} ALTER TABLE t OWNER TO differ_a; REVOKE DELETE ON t FROM differ_a; GRANT SELECT ON t TO differ_b;"
    new = f"{TABLE} ALTER TABLE t OWNER TO differ_b; REVOKE DELETE ON t FROM differ_b;"
    assert await migrates(old, new) == ["ALTER TABLE public.t OWNER TO differ_b"]


async def test_a_columns_sequence_follows_its_table(migrates):
    """PostgreSQL refuses ALTER SEQUENCE ... OWNER TO for it."""
    old = f"{ROLES} CREATE TABLE t (a serial, b integer GENERATED ALWAYS AS IDENTITY);"
    statements = await migrates(old, f"{old} ALTER TABLE t OWNER TO differ_a;")
    assert statements == ["ALTER TABLE public.t OWNER TO differ_a"]


async def test_a_new_object_has_its_own_privileges_only(migrates):
    """Default privileges are in force while the plan runs, and give it what it should not have."""
    defaults = """ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT ON TABLES TO differ_a;
        ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
        CREATE SCHEMA s; ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT UPDATE ON TABLES TO differ_b;"""
    function = "FUNCTION {}() RETURNS integer LANGUAGE sql AS 'SELECT 1';"
    old = ROLES + defaults
    new = f"""{ROLES} {defaults} CREATE TABLE as_it_comes (); CREATE TABLE less (); CREATE TABLE s.both ();
        REVOKE INSERT ON less FROM differ_a; CREATE TABLE theirs (); ALTER TABLE theirs OWNER TO differ_a;
        CREATE {function.format("closed")} CREATE {function.format("open")}
        GRANT EXECUTE ON FUNCTION open() TO PUBLIC;"""
    statements = await migrates(old, new)
    assert [each for each in statements if not each.startswith("CREATE")] == [
        "GRANT EXECUTE ON FUNCTION public.open() TO PUBLIC",
        "REVOKE INSERT ON TABLE public.less FROM differ_a",
        "ALTER TABLE public.theirs OWNER TO differ_a",
    ]


async def test_default_privileges_change_after_everything_else(migrates):
    old = f"{ROLES} ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO differ_a;"
    new = f"""{ROLES} CREATE TABLE before (); CREATE TYPE e AS ENUM ();
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO differ_b WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO differ_a;"""
    statements = await migrates(old, new)
    assert "REVOKE SELECT ON TABLE public.before FROM differ_a" in statements
    assert [each.split(" ", 6)[6] for each in statements[-3:]] == [
        "REVOKE SELECT ON TABLES FROM differ_a",
        "GRANT SELECT ON TABLES TO differ_b WITH GRANT OPTION",
        "GRANT USAGE ON TYPES TO differ_a",
    ]


async def test_privileges_on_what_the_user_did_not_make(migrates):
    new = f"""{ROLES} REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;
        GRANT SELECT ON pg_catalog.pg_authid TO differ_a;
        GRANT SELECT (rolname) ON pg_catalog.pg_authid TO differ_b;"""
    statements = await migrates(ROLES, new)
    assert "GRANT SELECT (rolname) ON TABLE pg_catalog.pg_authid TO differ_b" in statements


@pytest.mark.parametrize(("version", "said"), [(16, []), (17, ["GRANT MAINTAIN ON TABLE public.t TO differ_a"])])
def test_a_privilege_that_the_server_does_not_know_is_no_difference(version, said):
    """MAINTAIN came with PostgreSQL 17; the new side is read from a newer server than the plan will run on."""
    table = SchemaObject(kind="table", identity="public.t", schema="public", name="t", properties={})
    granted = msgspec.structs.replace(table, grants=(Grant("differ_a", "MAINTAIN"),))
    plan = make_plan(Schema.of([table]), Schema.of([granted]), DiffOptions(target_version=version))
    assert [each.sql for each in plan.statements] == said


MADE = """CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('a'); CREATE DOMAIN s.d AS integer CONSTRAINT c CHECK (VALUE > 0);
    CREATE TYPE s.c AS (x integer); CREATE TYPE s.r AS RANGE (subtype = float8); CREATE SEQUENCE s.q;
    CREATE TABLE s.t (a integer CONSTRAINT k PRIMARY KEY, b integer); CREATE INDEX "I" ON s.t (b);
    CREATE VIEW s.v AS SELECT a FROM s.t; CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS x;
    CREATE FUNCTION s.f(integer, VARIADIC text[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE s.p(INOUT a integer, OUT b text) LANGUAGE plpgsql AS 'BEGIN END';
    CREATE AGGREGATE s.g(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
    CREATE FUNCTION s.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER "T" BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.touch();
    CREATE RULE "R" AS ON DELETE TO s.t DO ALSO NOTHING; CREATE POLICY "P" ON s.t;
    CREATE STATISTICS s.st ON a, b FROM s.t; CREATE COLLATION s.co (provider = libc, locale = 'C');
    CREATE FUNCTION s.less(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2';
    CREATE OPERATOR s.<% (FUNCTION = s.less, LEFTARG = integer, RIGHTARG = integer);
    CREATE OPERATOR FAMILY s.fam USING btree;
    CREATE OPERATOR CLASS s.cls FOR TYPE integer USING btree AS OPERATOR 1 s.<%, FUNCTION 1 btint4cmp(integer, integer);
    CREATE CAST (s.t AS text) WITH INOUT; CREATE CONVERSION s.con FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
    CREATE FUNCTION s.ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER ev ON sql_drop EXECUTE FUNCTION s.ev(); CREATE PUBLICATION pub;
    CREATE FOREIGN DATA WRAPPER w; CREATE SERVER srv FOREIGN DATA WRAPPER w;
    CREATE FOREIGN TABLE s.ft (a integer) SERVER srv; CREATE TRUSTED LANGUAGE l HANDLER plpgsql_call_handler;
    CREATE TEXT SEARCH DICTIONARY s.td (TEMPLATE = simple); CREATE TEXT SEARCH CONFIGURATION s.tc (COPY = simple);"""
ADDRESSES = [
    "SCHEMA s", "TYPE s.e", "DOMAIN s.d", "CONSTRAINT c ON DOMAIN s.d", "TYPE s.c", "COLUMN s.c.x", "TYPE s.r",
    "SEQUENCE s.q", "TABLE s.t", "COLUMN s.t.b", "CONSTRAINT k ON s.t", "INDEX s.k", 'INDEX s."I"', "VIEW s.v",
    "COLUMN s.v.a", "MATERIALIZED VIEW s.m", "COLUMN s.m.x", "FUNCTION s.f(integer, text[])", "PROCEDURE s.p(integer)",
    "AGGREGATE s.g(*)", 'TRIGGER "T" ON s.t', 'RULE "R" ON s.t', 'POLICY "P" ON s.t', "STATISTICS s.st",
    "COLLATION s.co", "OPERATOR s.<% (integer, integer)", "OPERATOR FAMILY s.fam USING btree",
    "OPERATOR CLASS s.cls USING btree", "CAST (s.t AS text)", "CONVERSION s.con", "EVENT TRIGGER ev",
    "PUBLICATION pub", "FOREIGN DATA WRAPPER w", "SERVER srv", "FOREIGN TABLE s.ft", "LANGUAGE l",
    "TEXT SEARCH DICTIONARY s.td", "TEXT SEARCH CONFIGURATION s.tc",
]  # fmt: skip
_OWNERLESS = ("CONSTRAINT", "COLUMN", "INDEX", "TRIGGER", "RULE", "POLICY", "CAST", "EVENT TRIGGER")
_GRANTS = """GRANT CREATE ON SCHEMA s TO differ_a; GRANT USAGE ON TYPE s.e TO differ_a;
    REVOKE USAGE ON TYPE s.d FROM PUBLIC;
    GRANT USAGE ON TYPE s.c, s.r TO differ_a; GRANT UPDATE ON SEQUENCE s.q TO differ_a; GRANT SELECT ON s.t TO differ_a;
    GRANT SELECT (a) ON s.v TO differ_a; GRANT SELECT ON s.m, s.ft TO differ_a WITH GRANT OPTION;
    GRANT EXECUTE ON FUNCTION s.f, s.g() TO differ_a; REVOKE EXECUTE ON PROCEDURE s.p FROM PUBLIC;
    GRANT USAGE ON FOREIGN DATA WRAPPER w TO differ_a; GRANT USAGE ON FOREIGN SERVER srv TO differ_a;
    GRANT USAGE ON LANGUAGE l TO differ_a WITH GRANT OPTION;"""


def _attributes() -> str:
    comments = "".join(f"COMMENT ON {each} IS 'it''s \\ {number}';" for number, each in enumerate(ADDRESSES))
    owned = [each for each in ADDRESSES if not each.startswith(_OWNERLESS)]
    return comments + "".join(f"ALTER {each} OWNER TO differ_a;" for each in owned if "WRAPPER" not in each)


async def test_every_kind_has_its_attributes_changed_and_removed(migrates):
    statements = await migrates(ROLES + MADE, ROLES + MADE + _attributes() + _GRANTS)
    assert [each for each in statements if each.split()[0] not in ("COMMENT", "ALTER", "GRANT", "REVOKE")] == []


async def test_every_kind_is_made_with_its_attributes(migrates):
    await migrates(ROLES, ROLES + MADE + _attributes() + _GRANTS)
