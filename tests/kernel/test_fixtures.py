"""The fixtures that all other tests stand on."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio


def test_the_server_is_postgresql_18(server, psql):
    """The tree's facts about PostgreSQL were taken from 18."""
    assert psql(server, "SHOW server_version_num").startswith("18")


def test_a_database_is_fresh(database, psql):
    """A table of another test would make this one fail for a reason of that test."""
    assert psql(database, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == "0"


async def test_a_run_reaches_its_database(kernel_run, database, project):
    """The database of ``kernel_run`` is the test's own."""
    async with kernel_run(project) as run:
        target = await run.target()
        async with run.connect(target) as connection:
            assert await connection.fetchval("SELECT current_database()") == database.database
