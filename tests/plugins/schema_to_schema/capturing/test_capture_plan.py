"""What has to be captured, and what cannot be followed: said by plan, before anything is installed."""

from __future__ import annotations

import pytest

from confiture_schema_to_schema.following.beginning import watched
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import FollowRequest
from confiture_schema_to_schema.opening import compiled
from confiture_schema_to_schema.sides import find_sides
from conftest import run_psql

pytestmark = pytest.mark.anyio

OLD = """
    CREATE TABLE country (code text PRIMARY KEY, region int, label text);
    CREATE TABLE region (id int PRIMARY KEY, name text);
    CREATE TABLE users (id int PRIMARY KEY, login text UNIQUE NOT NULL, country text);
    CREATE TABLE loose (v text);
    CREATE TABLE cats (id int PRIMARY KEY, name text);
    CREATE TABLE dogs (id int PRIMARY KEY, name text);
    CREATE VIEW seen AS SELECT * FROM country;
"""
NEW = """
    CREATE TABLE users (id bigint PRIMARY KEY, login text, country text);
    CREATE TABLE loose (v text);
    CREATE TABLE pets (kind text, id int, name text);
"""
LOOKUPS = """
    lookups:
      c: {table: country, on: c.code = users.country}
      r: {table: region, on: r.id = c.region}
"""
JOINED = """
  users:
    custom_sql: |
      INSERT INTO users (id, login, country)
      SELECT u.id, u.login, r.name FROM country AS c JOIN region AS r ON r.id = c.region
      RIGHT JOIN users AS u ON u.country = c.code
"""
WITHIN = "{columns: {country: {target: country, transform: '(SELECT label FROM country WHERE code = country)'}}}"
TOUCH = "lookups: {c: {table: country, on: 'c.code = users.country', touch: '%s'}}"
TAIL = (
    "\n  loose: {full_refresh: true}\n  cats: {target: pets, defaults: {kind: \"'cat'\"}}"
    "\ndrop: [dogs, country, region]"
)


async def errors(run, sides, tables):
    (run.project.root / "db/migration_map.yaml").write_text(f"tables:{tables}")
    job, _ = await compiled(
        run, sides, sides.target, read_map(run, None), strategy="copy", tables=(), run_id=run.run_id
    )
    _, findings = await watched(run, job, "triggers")
    return [f"{finding.message}; {finding.hint}" for finding in findings if finding.level == "error"]


@pytest.fixture
async def run(project, new_database, kernel_run):
    project.config('[schema-to-schema]\nstrategy = "copy"\ncapture = "triggers"\n')
    source, target = new_database(), new_database()
    run_psql(source, OLD)
    run_psql(target, NEW)
    project.environment_for(source, "production")
    project.environment_for(target, "production_new")
    project.write("db/migration_map.yaml", "tables:")
    async with kernel_run(project, database=source) as found:
        yield found


async def test_what_cannot_be_followed_is_said_with_what_to_do(run):
    """And what can be is not."""
    sides = await find_sides(run, FollowRequest())
    users, defaults = "\n  users: {columns: {country: country}}", "defaults: {kind: \"'cat'\"}"
    for tables, wanted in (
        (users + TAIL, ()),
        (f"\n  users:\n    columns: {{country: {{target: country, transform: r.name}}}}{LOOKUPS}{TAIL}", ()),
        (JOINED + TAIL, ("a join that cannot be taken apart",)),
        (f"\n  users: {WITHIN}{TAIL}", ("a query within the query", "write it under 'lookups', with a 'touch'")),
        (f"\n  users: {{{TOUCH % 'SELECT id FROM users JOIN changed ON code = country'}}}{TAIL}", ()),
        (f"\n  users: {{{TOUCH % 'SELECT id FROM users JOIN changed ON kode = country'}}}{TAIL}", ('"kode"',)),
        (f"\n  users: {{columns: {{login: {{target: login, transform: login || random()}}}}}}{TAIL}", ("random",)),
        (
            f"\n  users:\n  cats: {{target: pets, {defaults}}}\ndrop: [dogs, country, region]",
            ("'public.loose' has no key", "full_refresh: true"),
        ),
        (
            "\n  users:\n  loose: {full_refresh: true}\n  cats: {target: pets}\n  dogs: {target: pets}"
            "\ndrop: [country, region]",
            (),
        ),
        (
            "\n  users:\n  loose: {full_refresh: true}\n  cats: {target: pets, columns: {name: {target: name, "
            "transform: upper(name)}}, key: [id]}\n  dogs: {target: pets, drop: [id], defaults: {id: 'id + 1000'}}"
            "\ndrop: [country, region]",
            ("cannot be found by the key of 'public.dogs' (id)",),
        ),
    ):
        found = await errors(run, sides, tables)
        assert bool(found) == bool(wanted), (tables, found)
        assert all(any(words in each for each in found) for words in wanted), (tables, found)
    report = await run.start("schema-to-schema-plan", sample=False, preflight=False)
    assert "cannot be found by the key" in report.errors[-1].message
