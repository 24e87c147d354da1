"""Connections that are used again: told by the server's own process ids."""

from __future__ import annotations

import pytest

from confiture.testing import open_context
from confiture.transfer import keep_connections, reading
from conftest import run_psql

pytestmark = pytest.mark.anyio

_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def _pid(ctx, target, **values):
    async with ctx.connect(target, **values) as connection:
        return connection.get_server_pid()


async def test_a_connection_is_used_again_and_closed_at_the_end(project, database):
    """One after the other takes the same; two at once are two; another database has its own."""
    async with open_context(project.root) as ctx:
        async with keep_connections(ctx) as keeping:
            first = await _pid(keeping, database)
            assert await _pid(keeping, database) == first
            async with reading(keeping, database) as one, reading(keeping, database) as two:
                assert first in (one.get_server_pid(), two.get_server_pid())
                assert one.get_server_pid() != two.get_server_pid()
            assert await _pid(keeping, database, settings={"application_name": "mine"}) != first
            assert await _pid(keeping, database.with_database("postgres")) != first
            assert keeping.run_id == ctx.run_id
            assert run_psql(database, _OTHERS).strip() == "2"
        assert run_psql(database, _OTHERS).strip() == "0"


async def test_one_that_failed_is_not_used_again(project, database):
    """Nobody knows in which state it is: nor of one that was left in a transaction, or lost."""
    async with open_context(project.root) as ctx, keep_connections(ctx) as keeping:
        first = await _pid(keeping, database)
        with pytest.raises(ZeroDivisionError):
            async with keeping.connect(database):
                raise ZeroDivisionError
        second = await _pid(keeping, database)
        async with keeping.connect(database) as connection:
            await connection.execute("BEGIN")
        third = await _pid(keeping, database)
        async with keeping.connect(database) as connection:
            connection.terminate()
        assert len({first, second, third, await _pid(keeping, database)}) == 4
