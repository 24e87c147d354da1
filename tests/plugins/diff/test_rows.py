"""Sample rows: tables of all sorts get some, and what refuses them is passed over."""

from __future__ import annotations

import pytest

from confiture.hooks import INSPECTOR
from confiture_diff.rows import insert_rows

pytestmark = pytest.mark.anyio


async def counts(kernel_run, database, psql, ddl: str, *tables: str) -> list[int]:
    psql(database, ddl)
    async with kernel_run(database=database) as ctx:
        schema = await ctx.get(INSPECTOR, "catalog").inspect(ctx, database)
        total = await insert_rows(ctx, database, schema)
    found = [int(psql(database, f"SELECT count(*) FROM {table}")) for table in tables]
    assert total == sum(found)
    return found


async def test_foreign_keys_meet_their_rows(kernel_run, database, psql):
    """A table without rows proves nothing of what rows do to it; names are against the order of needs."""
    ddl = """
        CREATE TABLE z (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code varchar(3) NOT NULL UNIQUE);
        CREATE TABLE a (id uuid PRIMARY KEY, z int NOT NULL REFERENCES z, code varchar(3) REFERENCES z (code));
    """
    assert await counts(kernel_run, database, psql, ddl, "z", "a") == [4, 4]


async def test_nulls_and_doubles_are_among_them(kernel_run, database, psql):
    """They are what SET NOT NULL and UNIQUE fail on."""
    ddl = "CREATE TABLE t (id int PRIMARY KEY, name text);"
    await counts(kernel_run, database, psql, ddl, "t")
    assert psql(database, "SELECT count(*) FROM t WHERE name IS NULL") == "1"
    assert psql(database, "SELECT count(*) - count(DISTINCT name) FROM t WHERE name IS NOT NULL") == "1"


async def test_checks_enums_and_domains_are_met(kernel_run, database, psql):
    """Most checks list what is allowed."""
    ddl = """
        CREATE TYPE mood AS ENUM ('glad', 'sad');
        CREATE DOMAIN size AS text CHECK (VALUE IN ('S', 'M'));
        CREATE TABLE t (m mood NOT NULL, s size NOT NULL, age int NOT NULL CHECK (age >= 18),
                        r int4range NOT NULL, d date[] NOT NULL, f numeric(4, 2) NOT NULL);
    """
    assert await counts(kernel_run, database, psql, ddl, "t") == [4]


async def test_a_table_that_takes_no_row_is_passed_over(kernel_run, database, psql):
    """The proof goes on with what the others took."""
    ddl = "CREATE TABLE never (id int CHECK (id > 1 AND id < 0), CHECK (id IS NOT NULL)); CREATE TABLE t (id int);"
    assert await counts(kernel_run, database, psql, ddl, "never", "t") == [0, 4]
