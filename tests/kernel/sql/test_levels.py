"""Levels, roles, extensions and features of a plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from confiture.model import Plan, Statement, Target
from confiture.sql import assign_levels, extensions_named, features_named, order_statements, roles_named
from schema_samples import DATA, SCHEMA, dump, read, script


def levels(sql: str) -> list[int]:
    return [statement.level for statement in assign_levels(read(sql)).statements]


def backwards(statements: Sequence[Statement]) -> list[Statement]:
    """Level by level, each in a random order: whatever connections take first."""
    mixed = list(statements)
    random.Random(3).shuffle(mixed)
    return sorted(mixed, key=lambda statement: statement.level)


@pytest.mark.parametrize("name", ["schema", "pagila.sql"])
def test_any_order_within_the_levels_builds_the_same(
    name: str, new_database: Callable[[], Target], psql: Callable[..., str]
) -> None:
    """Connections race within a level, so no statement may need another of its own."""
    if name != "schema" and not (DATA / name).exists():
        pytest.skip(f"no shared sample {name}")
    text = SCHEMA if name == "schema" else (DATA / name).read_text()
    plan = read(text)
    plan = assign_levels(type(plan)(statements=order_statements(plan).statements))
    right, mixed = new_database(), new_database()
    psql(right, script(plan.statements))
    psql(mixed, script(backwards(plan.statements)))
    assert dump(mixed) == dump(right)
    assert len({statement.level for statement in plan.statements}) < len(plan.statements) * 0.75


def test_what_does_not_need_each_other_shares_a_level() -> None:
    """Else there would be nothing to run at once."""
    tables = "CREATE TABLE a (x int PRIMARY KEY); CREATE TABLE b (); CREATE TABLE c (y int REFERENCES a);"
    assert levels(f"{tables} COMMENT ON TABLE b IS 'b'") == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "barrier",
    ["SET search_path TO x", "DO 'BEGIN END'", "SELECT 1", "INSERT INTO a VALUES (1)", "VACUUM a", "DROP TABLE q",
     "CREATE INDEX CONCURRENTLY ON a (x)", "CREATE EXTENSION hstore", "GRANT SELECT ON ALL TABLES IN SCHEMA s TO r",
     "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO r", "CREATE MATERIALIZED VIEW m AS SELECT 1", "CREATE ROLE r",
     "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION f()", "CALL p()", "ALTER TABLE a RENAME TO b"],
)  # fmt: skip
def test_what_is_uncertain_runs_alone(barrier: str) -> None:
    """Being right goes before being quick."""
    before, after = "CREATE TABLE a (x int); CREATE TABLE b ()", "CREATE TABLE c (); CREATE TABLE d ()"
    assert levels(f"{before}; {barrier}; {after}") == [0, 0, 1, 2, 2]


@pytest.mark.parametrize("sql", ["CREATE TEMP TABLE t ()", "PREPARE p AS SELECT 1", "CREATE TEMP VIEW v AS SELECT 1"])
def test_what_one_session_sees_leaves_no_levels(sql: str) -> None:
    """Another connection would not find it."""
    assert levels(f"CREATE TABLE a (); {sql}; CREATE TABLE b ()") == [-1, -1, -1]


def test_roles_are_found_wherever_they_are_named() -> None:
    """A server that lacks one must be told of before anything runs."""
    sql = """
    CREATE ROLE made; ALTER TABLE t OWNER TO owner1;
    ALTER FUNCTION f OWNER TO owner2;
    GRANT SELECT ON t TO reader, PUBLIC;
    REVOKE ALL ON t FROM "Odd Role"; CREATE POLICY p ON t TO policy1, CURRENT_USER; SET ROLE set1;
    SET SESSION AUTHORIZATION 'set2';
    CREATE SCHEMA AUTHORIZATION schema1; ALTER DEFAULT PRIVILEGES FOR ROLE def1 GRANT SELECT ON TABLES TO def2;
    GRANT made TO member1; GRANT group1 TO made; ALTER SCHEMA s OWNER TO SESSION_USER; GRANT pg_monitor TO made;
    ALTER TABLE t ADD COLUMN owner text; SET ROLE none; RESET ROLE; COMMENT ON ROLE noted IS 'x';
    ALTER ROLE altered SET work_mem = 1;
    """
    assert roles_named(read(sql)) == tuple(
        sorted(["owner1", "owner2", "reader", "Odd Role", "policy1", "set1", "set2", "schema1", "def1", "def2",
                "member1", "group1", "noted", "altered"])
    )  # fmt: skip


def test_extensions_are_found_with_their_places() -> None:
    """A server that lacks one can then be named with the line that asks for it."""
    found = extensions_named(read('SELECT 1;\n CREATE EXTENSION IF NOT EXISTS "uuid-ossp";', "CREATE EXTENSION hstore"))
    assert [(name, origin and (origin.file, origin.line)) for name, origin in found] == [
        ("uuid-ossp", ("0.sql", 2)),
        ("hstore", ("1.sql", 1)),
    ]


@pytest.mark.parametrize(
    ("sql", "feature"),
    [
        ("CREATE COLLATION c (PROVIDER = icu, LOCALE = 'und')", "icu"),
        ("CREATE COLLATION c (provider = 'icu', locale = 'de')", "icu"),
        ('CREATE TABLE a (b text COLLATE "und-x-icu")', "icu"),
        ('CREATE VIEW v AS SELECT b COLLATE "de-DE-x-icu" FROM a', "icu"),
        ("CREATE COLLATION c (LOCALE = 'und')", None),
        ("SELECT xpath('/a', x) FROM t", "xml"),
        ("CREATE VIEW v AS SELECT xmlelement(NAME a)", "xml"),
        ("SELECT '<a/>'::xml", "xml"),
        ("CREATE TABLE a (b xml)", None),
        ("SET xmloption = content", None),
        ("CREATE TABLE a (b text COMPRESSION lz4)", "lz4"),
        ("ALTER TABLE a ALTER COLUMN b SET COMPRESSION lz4", "lz4"),
        ("SET default_toast_compression = 'lz4'", "lz4"),
        ("CREATE TABLE a (b text COMPRESSION pglz)", None),
        ("CREATE TABLE icu_xml_lz4 (circuit text)", None),
    ],
)
def test_build_options_are_found(sql: str, feature: str | None) -> None:
    """A server may be built without them; the column type ``xml`` alone works without libxml."""
    assert [name for name, _ in features_named(read(sql))] == ([feature] if feature else [])


@pytest.mark.parametrize(
    ("sql", "roles"),
    [
        ("ALTER TABLE t OWNER TO keeper", ("keeper",)),
        ("GRANT SELECT ON t TO reader", ("reader",)),
        ("CREATE POLICY p ON t TO reader USING (true)", ("reader",)),
        ("INSERT INTO t VALUES ('grant reader')", ()),
        ("not SQL, GRANT", ()),
    ],
)
def test_roles_are_found_in_statements_that_nobody_has_read(sql: str, roles: tuple[str, ...]) -> None:
    """Those of a differ have no kind; on a scratch server their roles are missing."""
    assert roles_named(Plan(statements=(Statement(sql=sql),))) == roles


def test_extensions_are_found_in_statements_that_nobody_has_read() -> None:
    plan = Plan(
        statements=(Statement(sql="CREATE EXTENSION hstore SCHEMA public"), Statement(sql="SELECT 'extension'"))
    )
    assert extensions_named(plan) == (("hstore", None),)
