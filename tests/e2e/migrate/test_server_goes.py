"""The server's side ends: one session, one server process, or the whole server, in the middle of a statement."""

from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
import pytest

from confiture.errors import ConnectionLost
from e2e.migrate.conftest import wait_for

pytestmark = pytest.mark.anyio

#: In the middle of a transaction, of a statement outside of one, and of the transaction behind that.
MIDDLES = {
    "transaction": ("CREATE TABLE t (id int);\nSELECT pg_sleep({s});\n", 0),
    "outside": ("CREATE TABLE t (id int);\nCREATE INDEX CONCURRENTLY i ON t (id);\nCREATE TABLE u ();\n", 1),
    "behind": ("CREATE TABLE t (id int);\nCREATE INDEX CONCURRENTLY i ON t (id);\nSELECT pg_sleep({s});\n", 2),
}
WORKS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND "
SLEEPS = "wait_event = 'PgSleep'"
WAITS = "query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
APPLIED = "SELECT count(*) FROM confiture.confiture_migrations WHERE state = 'applied'"


async def _meanwhile(project, kernel_run, target, psql, middle, deed):
    """Run ``up``, and do ``deed`` with the pid of its server process when it is in the middle."""
    text, done = MIDDLES[middle]
    project.write("db/migrations/001_a.up.sql", "CREATE TABLE a ();\n")
    project.write("db/migrations/002_b.up.sql", text.format(s=30))
    raised = []

    async def up():
        try:
            async with kernel_run(project, database=target) as run:
                await run.start("up", lock_timeout_s=20.0)
        except ConnectionLost as error:
            raised.append(error)

    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(kernel_run(project, database=target))
        group = await stack.enter_async_context(anyio.create_task_group())
        if middle == "outside":  # which waits for all transactions that may see the table
            await other.start("up", steps=1)
            connection = await stack.enter_async_context(other.connect(target))
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        group.start_soon(up)
        found = ""

        def working():
            nonlocal found
            found = psql(target, WORKS + (WAITS if middle == "outside" else SLEEPS))
            return found

        await anyio.to_thread.run_sync(wait_for, working)
        await anyio.to_thread.run_sync(deed, int(found))
    project.write("db/migrations/002_b.up.sql", text.format(s=0))
    async with kernel_run(project, database=target) as run:
        report = await run.start("up")
    return raised, report.migrations[0], done


def _check(psql, target, raised, again, done, middle):
    [error] = raised
    assert "002 (b)" in error.message
    assert again.version == "002"
    assert again.resumed_at == (done + 1 if done else None)
    assert psql(target, APPLIED) == "2"
    assert psql(target, "SELECT to_regclass('t') IS NOT NULL") == "t"
    if middle != "transaction":
        assert psql(target, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == "t"


@pytest.mark.parametrize("middle", MIDDLES)
async def test_a_session_that_is_ended(project, kernel_run, database, psql, middle):
    def end(pid):
        psql(database, f"SELECT pg_terminate_backend({pid})")

    raised, again, done = await _meanwhile(project, kernel_run, database, psql, middle, end)
    _check(psql, database, raised, again, done, middle)


@pytest.mark.parametrize("middle", MIDDLES)
async def test_a_server_process_that_is_killed(project, kernel_run, own_server, own_database, psql, middle):
    """All other sessions end with it, and the server recovers."""
    raised, again, done = await _meanwhile(project, kernel_run, own_database, psql, middle, own_server.kill)
    _check(psql, own_database, raised, again, done, middle)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.parametrize("middle", ["transaction", "outside"])
async def test_a_server_that_is_restarted(project, kernel_run, own_server, own_database, psql, middle, mode):
    def restart(pid):
        own_server.restart(mode)

    raised, again, done = await _meanwhile(project, kernel_run, own_database, psql, middle, restart)
    _check(psql, own_database, raised, again, done, middle)
