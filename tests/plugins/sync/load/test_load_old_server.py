"""PostgreSQL 15: foreign keys of partitioned tables are checked at once, catalogs lack what came later."""

from __future__ import annotations

import pytest

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
