"""Equal schemas are equal, however they came to be; pg_dump is the judge of what equal means."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogs import EVERY_KIND, differences, dump

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"

ONE_ORDER = """
CREATE SCHEMA s;
CREATE TYPE s.e AS ENUM ('a', 'b');
CREATE TABLE s.a (id int PRIMARY KEY, name text);
CREATE TABLE s.b (id int PRIMARY KEY, a_id int REFERENCES s.a, e s.e DEFAULT 'a');
CREATE INDEX b_e ON s.b (e);
CREATE INDEX a_name ON s.a (name);
CREATE VIEW s.v AS SELECT b.id, a.name FROM s.b JOIN s.a ON a.id = b.a_id;
CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
GRANT SELECT ON s.a TO pg_monitor;
GRANT INSERT ON s.a TO PUBLIC;
COMMENT ON TABLE s.a IS 'a';
"""
ANOTHER_ORDER = """
CREATE TABLE dropped (id int);
CREATE SCHEMA s;
CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE s.e AS ENUM ('b');
ALTER TYPE s.e ADD VALUE 'a' BEFORE 'b';
CREATE TABLE s.b (e s.e, gone int, id int);
ALTER TABLE s.b DROP gone, ADD a_id int;
ALTER TABLE s.b ADD PRIMARY KEY (id);
CREATE TABLE s.a (name text, id int PRIMARY KEY);
COMMENT ON TABLE s.a IS 'a';
CREATE INDEX a_name ON s.a (name);
CREATE INDEX b_e ON s.b (e);
GRANT INSERT ON s.a TO PUBLIC;
GRANT SELECT, UPDATE ON s.a TO pg_monitor;
REVOKE UPDATE ON s.a FROM pg_monitor;
DROP TABLE dropped;
ALTER TABLE s.b ADD FOREIGN KEY (a_id) REFERENCES s.a (id);
CREATE VIEW s.v AS SELECT b.id, a.name FROM s.b JOIN s.a ON a.id = b.a_id;
GRANT DELETE ON s.b TO PUBLIC;
REVOKE DELETE ON s.b FROM PUBLIC;
ALTER TABLE s.b ALTER e SET DEFAULT 'a';
"""


async def test_the_order_of_statements_and_of_columns_does_not_matter(new_database, psql, inspect):
    """OIDs, attribute numbers, the database's name and privileges that came and went leave nothing."""
    one, another = new_database(), new_database()
    psql(one, ONE_ORDER)
    psql(another, ANOTHER_ORDER)
    first, second = await inspect(one), await inspect(another)
    assert differences(first, second) == {}
    assert first.digest == second.digest


async def test_a_changed_search_path_or_time_zone_changes_nothing(database, psql, inspect):
    """Names and constants are printed alike, whatever the role or the database has set."""
    psql(
        database,
        "CREATE TABLE t (at timestamptz DEFAULT '2026-01-01 12:00+00', d date CHECK (d > '2026-02-03'));"
        "CREATE VIEW v AS SELECT d FROM t",
    )
    before = await inspect(database)
    psql(
        database,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = elsewhere', current_database());"
        "EXECUTE format('ALTER DATABASE %I SET TimeZone = ''Asia/Tokyo''', current_database());"
        "EXECUTE format('ALTER DATABASE %I SET quote_all_identifiers = on', current_database());"
        "EXECUTE format('ALTER DATABASE %I SET DateStyle = ''German''', current_database()); END $$",
    )
    assert differences(before, await inspect(database)) == {}


def jam_shop() -> str:
    files = sorted((ROOT / "docs" / "examples" / "jam-shop" / "db" / "schema").rglob("*.sql"))
    # Its role is for `confiture build` to create; this one is there on every server.
    return (
        "\n".join(file.read_text() for file in files)
        .replace("jam_app", "pg_monitor")
        .replace("jam_readonly", "pg_signal_backend")
    )


def shared(name: str) -> str:
    file = SHARED / name
    if not file.exists():
        pytest.skip(f"the sample data {name!r} is not here")
    # chinook makes a database of its own and goes there.
    lines = file.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("DROP DATABASE", "CREATE DATABASE", "\\c ")))


@pytest.mark.parametrize("name", ["every kind", "jam-shop", "pagila.sql", "chinook.sql"])
async def test_a_dump_that_is_loaded_again_is_the_same_schema(name, new_database, psql, inspect):
    """What pg_dump can say is all that a schema is; what we see beyond it would be noise in every diff."""
    sql = {"every kind": lambda: EVERY_KIND, "jam-shop": jam_shop}.get(name, lambda: shared(name))()
    original, copy = new_database(), new_database()
    psql(original, sql)
    psql(copy, dump(original).replace("CREATE SCHEMA public;", ""))
    first, second = await inspect(original), await inspect(copy)
    assert differences(first, second) == {}
    assert first.digest == second.digest
    assert len(first.objects) > 30
