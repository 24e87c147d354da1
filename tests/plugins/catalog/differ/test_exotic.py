"""Operators, text search, publications, foreign servers: the statements where the form matters."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

LESS = "CREATE FUNCTION less(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2';"
CLASS = """CREATE OPERATOR <% (FUNCTION = less, LEFTARG = integer, RIGHTARG = integer);
    CREATE OPERATOR CLASS ops FOR TYPE integer USING btree AS OPERATOR 1 <%, FUNCTION 1 btint4cmp(integer, integer);"""


async def test_an_operator_that_names_another_comes_first(migrates):
    """The other way round PostgreSQL would give the other one the way back too."""
    new = f"""{LESS} CREATE OPERATOR @@@ (FUNCTION = less, LEFTARG = integer, RIGHTARG = integer, NEGATOR = !@@@);
        CREATE OPERATOR !@@@ (FUNCTION = less, LEFTARG = integer, RIGHTARG = integer, RESTRICT = eqsel);
        CREATE OPERATOR <<% (FUNCTION = less, LEFTARG = integer, RIGHTARG = integer, COMMUTATOR = %>>);
        CREATE OPERATOR %>> (FUNCTION = less, LEFTARG = integer, RIGHTARG = integer, COMMUTATOR = <<%);"""
    await migrates("", new)


async def test_an_operators_estimators_are_altered(migrates):
    old = f"{LESS} CREATE OPERATOR <% (FUNCTION = less, LEFTARG = integer, RIGHTARG = integer, JOIN = eqjoinsel);"
    statements = await migrates(old, old.replace("JOIN = eqjoinsel", "RESTRICT = eqsel"))
    assert statements == ["ALTER OPERATOR public.<% (integer, integer) SET (RESTRICT = pg_catalog.eqsel, JOIN = NONE)"]


async def test_loose_members_of_a_family_are_added_and_dropped(migrates):
    old = LESS + CLASS
    loose = "ALTER OPERATOR FAMILY ops USING btree ADD OPERATOR 1 < (int4, int8), FUNCTION 1 btint48cmp(int4, int8);"
    (statement,) = await migrates(old, old + loose)
    assert statement.startswith("ALTER OPERATOR FAMILY public.ops USING btree ADD")


async def test_a_class_that_changes_takes_its_indexes_along(migrates):
    index = "CREATE TABLE t (a integer); CREATE INDEX i ON t (a ops); COMMENT ON INDEX i IS 'kept';"
    await migrates(LESS + CLASS + index, LESS + CLASS.replace("OPERATOR 1 <%,", "OPERATOR 1 <%, OPERATOR 3 =,") + index)


async def test_a_publications_members_are_set_as_a_whole(migrates):
    tables = "CREATE SCHEMA s; CREATE TABLE t (a integer PRIMARY KEY, b integer); CREATE TABLE u (a integer);"
    old = f"{tables} CREATE PUBLICATION p FOR TABLE t (a), u;"
    new = f"{tables} CREATE PUBLICATION p FOR TABLE t WHERE (a > 1), TABLES IN SCHEMA s WITH (publish = 'insert');"
    assert await migrates(old, new) == [
        "ALTER PUBLICATION p SET TABLE public.t WHERE ((a > 1)), TABLES IN SCHEMA s",
        "ALTER PUBLICATION p SET (publish = 'insert')",
    ]


async def test_a_publication_loses_all_its_members(migrates):
    tables = """CREATE TABLE t (a integer); CREATE TABLE "t (a)" (a integer); CREATE SCHEMA s;"""
    old = f"""{tables} CREATE PUBLICATION p FOR TABLE t (a), "t (a)", TABLES IN SCHEMA s;"""
    old = old.replace("t (a), ", "t WHERE (a > 0), ")
    (statement,) = await migrates(old, f"{tables} CREATE PUBLICATION p;")
    assert statement == 'ALTER PUBLICATION p DROP TABLE public."t (a)", public.t, TABLES IN SCHEMA s'


async def test_a_dictionarys_options_are_altered(migrates):
    made = "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = snowball, {});"
    old = made.format("language = 'english', stopwords = 'english'")
    (statement,) = await migrates(old, made.format("Language = 'german'"))
    assert statement == "ALTER TEXT SEARCH DICTIONARY public.d (language = 'german', stopwords)"


async def test_mappings_are_altered_one_by_one(migrates):
    made = "CREATE TEXT SEARCH CONFIGURATION c (PARSER = pg_catalog.default); ALTER TEXT SEARCH CONFIGURATION c "
    old = f"{made} ADD MAPPING FOR word, int WITH simple;"
    new = f"{made} ADD MAPPING FOR word, url WITH english_stem, simple;"
    assert len(await migrates(old, new)) == 3


async def test_event_triggers_come_last_and_go_first(migrates):
    """They would fire on the plan's own statements."""
    refuse = "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';"
    last = "CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION no();"
    await migrates(refuse, f"{refuse} CREATE TABLE t (); CREATE VIEW z AS SELECT 1; CREATE PUBLICATION p; {last}")


async def test_the_options_of_a_user_mapping_are_empty_and_said_to_be(migrates):
    server = """CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'a', "Port" '1');"""
    new = f"{server} CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (\"user\" '', password '');"
    (statement,) = await migrates(server, new)
    assert statement == """CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS ("password" '', "user" '')"""


async def test_a_servers_options_are_altered(migrates):
    made = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s VERSION '{}' FOREIGN DATA WRAPPER w OPTIONS ({});"
    old, new = made.format("1", "host 'a', port '1'"), made.format("2", "host 'it''s', user 'u'")
    statements = await migrates(old, new)
    assert statements == ["ALTER SERVER s VERSION '2' OPTIONS (DROP port, SET host 'it''s', ADD user 'u')"]
