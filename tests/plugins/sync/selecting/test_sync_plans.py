"""Whether the target has a place for what is copied: told before anything is written, and all at once."""

from __future__ import annotations

import pytest

from confiture.config.dsn import to_uri
from confiture.errors import Refused
from confiture.model import Target


@pytest.fixture(scope="module")
def source(new_database, psql) -> Target:
    """Two tables and a view's rival."""
    target = new_database()
    psql(
        target,
        'CREATE TABLE a (id int PRIMARY KEY, "X.y" int, made int GENERATED ALWAYS AS (id + 1) STORED);'
        "CREATE TABLE b (id int PRIMARY KEY, other text); CREATE TABLE c (id int); INSERT INTO a VALUES (1, 2)",
    )
    return target


async def sync(kernel_run, source: Target, database: Target, **values):
    """Everything of ``source`` into ``database``."""
    async with kernel_run() as run:
        return await run.start("sync", source=to_uri(source.params), target=to_uri(database.params), **values)


@pytest.mark.anyio
async def test_tables_that_are_not_there_are_told_of_together(source, database, kernel_run, psql) -> None:
    """A view is no table: rows that went into it would be anywhere."""
    psql(database, "CREATE TABLE b (id int PRIMARY KEY, other text); CREATE VIEW c AS SELECT 1 AS id")
    with pytest.raises(Refused, match=r"^the target has no table 'public\.a', 'public\.c'$") as caught:
        await sync(kernel_run, source, database)
    assert "confiture migrate up" in (caught.value.hint or "")


@pytest.mark.anyio
async def test_columns_that_are_not_there_are_told_of_together(source, database, kernel_run, psql) -> None:
    """Of all tables; what the source computes is not copied, and need not be there."""
    psql(database, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int)")
    with pytest.raises(Refused, match=r"^the target has no column 'public\.a\.X\.y', 'public\.b\.other'$"):
        await sync(kernel_run, source, database)


@pytest.mark.anyio
async def test_a_column_that_only_the_target_computes_is_refused(source, database, kernel_run, psql) -> None:
    """The source's values would be lost without a word."""
    psql(database, 'CREATE TABLE a (id int PRIMARY KEY, "X.y" int GENERATED ALWAYS AS (id) STORED)')
    with pytest.raises(Refused, match=r"^the target computes by itself .*: 'public\.a\.X\.y'$"):
        await sync(kernel_run, source, database, tables=("a",))


@pytest.mark.anyio
async def test_further_columns_of_the_target_have_their_defaults(source, database, kernel_run, psql) -> None:
    """A migration that adds one is tried with the rows of production; the order of columns is each side's own."""
    psql(database, "CREATE TABLE a (\"X.y\" int, more text DEFAULT 'new', made int, id int PRIMARY KEY)")
    report = await sync(kernel_run, source, database, tables=("a",))
    assert psql(database, 'SELECT id, "X.y", more, made FROM a') == "1|2|new|"
    assert [(table.table, table.rows) for table in report.tables] == [("public.a", 1)]
