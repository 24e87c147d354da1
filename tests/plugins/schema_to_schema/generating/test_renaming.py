"""A schema under new names: what is renamed in memory is what a server says after the same renames."""

from __future__ import annotations

from typing import Any

import pytest

from confiture.hooks import INSPECTOR
from confiture.model import ObjectKey, Rename, Schema, SchemaObject
from confiture_schema_to_schema.generating.renaming import renamed

DDL = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SCHEMA app;
CREATE DOMAIN app.code AS text;
CREATE TABLE app.things (id int PRIMARY KEY, code app.code, codes app.code[]);
CREATE TABLE users (id bigint PRIMARY KEY, full_name text NOT NULL DEFAULT 'x', feels mood, felt mood[],
  thing int REFERENCES app.things, boss bigint REFERENCES users);
CREATE INDEX users_name ON users (full_name);
CREATE TABLE "Odd.One" ("a""b" int UNIQUE, users_id bigint REFERENCES users (id));
"""
STATEMENTS = """
ALTER SCHEMA app RENAME TO shop;
ALTER TYPE mood RENAME TO "Feel";
ALTER TYPE "Feel" RENAME VALUE 'sad' TO 'it''s bad';
ALTER TABLE users RENAME TO accounts;
ALTER TABLE accounts RENAME id TO ident;
ALTER TABLE accounts RENAME full_name TO "Display";
ALTER TABLE "Odd.One" RENAME TO odd;
ALTER TABLE odd RENAME "a""b" TO c;
"""
RENAMES = [
    ("schema", "app", "shop"),
    ("enum", "public.mood", 'public."Feel"'),
    ("enum value", 'public.mood."sad"', """public."Feel"."it's bad\""""),
    ("table", "public.users", "public.accounts"),
    ("column", "public.users.id", "public.accounts.ident"),
    ("column", "public.users.full_name", 'public.accounts."Display"'),
    ("table", 'public."Odd.One"', "public.odd"),
    ("column", 'public."Odd.One"."a""b"', "public.odd.c"),
]
KINDS = ("schema", "table", "column", "constraint", "index", "default", "enum", "domain")


def seen(schema: Schema) -> dict[ObjectKey, Any]:
    """What matching looks at; texts of definitions stay as they are."""
    return {each.key: _content(each) for each in schema.objects if each.kind in KINDS}


def _content(each: SchemaObject) -> Any:
    properties = {name: value for name, value in each.properties.items() if name not in ("definition", "expression")}
    return each.schema, each.name, each.parent, properties, each.position


@pytest.mark.anyio
async def test_renames_in_memory_are_those_of_a_server(kernel_run, database, psql) -> None:
    """Schemas, types, labels, tables and columns; keys, indexes and references to them follow."""
    psql(database, DDL)
    async with kernel_run(database=database) as run:
        target = await run.target()
        inspector = run.get(INSPECTOR, "catalog")
        before = await inspector.inspect(run, target)
        psql(database, STATEMENTS)
        after = await inspector.inspect(run, target)
    renames = [Rename(old=ObjectKey(kind, old), new=ObjectKey(kind, new)) for kind, old, new in RENAMES]
    found, keys = renamed(before, renames)
    assert seen(found) == seen(after)
    assert keys[ObjectKey("column", "public.users.feels")] == ("column", "public.accounts.feels")
    assert keys[ObjectKey("table", "app.things")] == ("table", "shop.things")
