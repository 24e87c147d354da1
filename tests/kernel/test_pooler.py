"""Through a transaction-mode pooler: what works, and what says that it does not."""

from __future__ import annotations

import pytest

from confiture import errors
from confiture.locks import is_pooled
from confiture.model import WarningRaised
from confiture.temporary import temporary_database

pytestmark = pytest.mark.anyio


async def test_a_pooled_connection_is_recognised(kernel_run, pooled):
    """The process that answers is not the one that greeted us."""
    async with kernel_run() as run, run.connect(pooled) as connection:
        assert await is_pooled(connection)


async def test_transactions_and_queries_work(kernel_run, pooled, database, psql):
    """Nothing is prepared on the server, so that any of its sessions will do."""
    async with kernel_run() as run, run.connect(pooled) as one, run.connect(pooled) as two:
        for connection in (one, two):
            async with run.transaction(connection):
                await connection.execute(f"CREATE TABLE t{connection is one} (n int)")
                await connection.execute(f"INSERT INTO t{connection is one} VALUES ($1)", 1)
            assert await connection.fetchval(f"SELECT n + $1 FROM t{connection is one}", 1) == 2
    assert psql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "2"


async def test_a_lock_is_not_taken_and_that_is_said(kernel_run, pooled, psql, server):
    """A session-level lock would stay on one of the pooler's sessions, for nobody's protection."""
    heard = []
    async with kernel_run(observers=[heard.append]) as run, run.lock(pooled, "build pooled"):
        assert psql(server, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
                            "AND (classid::bigint << 32) | objid::bigint = "
                            "hashtextextended('confiture:build pooled', 0)") == "0"  # fmt: skip
    assert [(type(event), "transaction-mode pooler" in event.message) for event in heard] == [(WarningRaised, True)]


async def test_a_temporary_database_is_refused(kernel_run, pooled):
    """Nothing could guard it, so that another run's sweep would drop it."""
    with pytest.raises(errors.Refused, match="transaction-mode pooler"):
        async with kernel_run() as run, temporary_database(run, pooled, "pooled"):
            pass
