"""PostgreSQL 15: foreign keys of partitioned tables are checked at once, catalogs lack what came later."""

from __future__ import annotations

import pytest

from confiture.loading import PutBack, Records
from kernel.loading import test_loading as loading
from plugins.catalog.test_old_server import DEBIAN, old_server
from plugins.sync.load.conftest import HIDDEN, Sync, dump_schema
from plugins.sync.load.test_load_exactly import DATA, NASTY, ROWS, TABLES

__all__ = ["old_server"]

pytestmark = pytest.mark.anyio


async def test_everything_comes_back_as_it_was_on_15(old_server, ctx, psql, owner):
    psql(old_server, "CREATE DATABASE source; CREATE DATABASE target; CREATE ROLE sync_plain LOGIN")
    source, target = old_server.with_database("source"), old_server.with_database("target")
    for place in (source, target):
        psql(place, owner("sync_plain", TABLES))
    psql(source, ROWS)
    psql(target, "SET ROLE sync_plain;" + NASTY)
    # The new pg_dump would do, but for its own version in the header.
    before = dump_schema(target, DEBIAN), psql(target, HIDDEN)
    await Sync(ctx, source, target).load(as_role="sync_plain")
    assert (dump_schema(target, DEBIAN), psql(target, HIDDEN)) == before
    psql(target, "ALTER TABLE child NO FORCE ROW LEVEL SECURITY; ALTER TABLE events NO FORCE ROW LEVEL SECURITY")
    assert psql(target, DATA) == psql(source, DATA)


async def test_primary_keys_come_back_as_they_were_on_15(old_server, ctx, psql):
    """The kernel's part, where a medium takes more off than sync does."""
    psql(old_server, "CREATE DATABASE loaded")
    target, records = old_server.with_database("loaded"), Records("confiture", "off", "")
    psql(target, loading.TABLES)
    before = dump_schema(target, DEBIAN), psql(target, HIDDEN)
    await loading.take_off(ctx, target, records)
    assert psql(target, HIDDEN) != before[1]
    async with ctx.connect(target) as connection:
        put = PutBack(ctx, target, records, 2)
        await put.run(connection, await records.read(connection), loading.ALL, "test")
    assert (put.failures, dump_schema(target, DEBIAN), psql(target, HIDDEN)) == ([], *before)
