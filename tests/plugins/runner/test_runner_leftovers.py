"""Invalid indexes of concurrent builds that failed are gone before anybody sees them."""

from __future__ import annotations

import anyio
import pytest

from cancelling import at_every_await
from confiture.errors import Busy, StatementFailed
from confiture.model import Note, Plan, Statement, WarningRaised

pytestmark = pytest.mark.anyio

INDEXES = (
    "SELECT coalesce(string_agg(indexrelid::regclass::text, ' ' ORDER BY 1), '') FROM pg_index WHERE NOT indisvalid"
)
TWICE = "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)"


def alone(sql: str, **fields) -> Plan:
    return Plan(statements=(Statement(sql=sql, transactional=False, **fields),))


@pytest.mark.parametrize("name", ["i", ""])
@pytest.mark.parametrize("table", ["t", '"T t"'])
async def test_after_a_unique_violation(given, database, psql, name, table):
    """The next run of the same statement would fail since the name is taken. What was there before stays."""
    psql(database, TWICE.replace("TABLE t", f"TABLE {table}").replace("INTO t", f"INTO {table}"))
    async with given() as (connection, execute):
        with pytest.raises(Exception, match="could not create unique"):
            await connection.execute(f"CREATE UNIQUE INDEX CONCURRENTLY older ON {table} (a)")
        for _ in range(2):
            with pytest.raises(StatementFailed, match="could not create unique index"):
                await execute(alone(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} (a)"), atomic=False)
            assert psql(database, INDEXES) == "older"
        with pytest.raises(StatementFailed, match="already exists"):
            await execute(alone(f"CREATE UNIQUE INDEX CONCURRENTLY older ON {table} (a)"), atomic=False)
    assert psql(database, INDEXES) == "older"


async def test_after_a_reindex(given, database, psql):
    """Its copies have names that nobody chose."""
    psql(database, TWICE + "; CREATE INDEX i ON t (a)")
    psql(database, "UPDATE pg_index SET indisunique = true WHERE indexrelid = 'i'::regclass")
    async with given() as (connection, execute):
        with pytest.raises(Exception, match="could not create unique"):
            await connection.execute("REINDEX INDEX CONCURRENTLY i")
        assert psql(database, INDEXES) == "i_ccnew"
        with pytest.raises(StatementFailed, match="could not create unique index"):
            await execute(alone("REINDEX TABLE CONCURRENTLY t"), atomic=False)
    assert psql(database, INDEXES) == "i_ccnew"


async def test_before_the_next_try(given, database, psql):
    """A build that met a lock when the index was there already is begun anew."""
    psql(database, "CREATE TABLE t (a int)")
    events = []
    async with (
        given(observers=[events.append]) as (_, execute),
        execute.run.connect(database) as other,
        anyio.create_task_group() as tasks,
    ):

        async def hold() -> None:
            async with execute.run.transaction(other):
                await other.execute("INSERT INTO t VALUES (1)")
                began.set()
                while not any(isinstance(event, Note) for event in events):
                    await anyio.sleep(0.02)

        began = anyio.Event()
        tasks.start_soon(hold)
        await began.wait()
        plan = alone("CREATE INDEX CONCURRENTLY i ON t (a)", lock_timeout_s=0.1)
        report = await execute(plan, atomic=False, lock_retry_s=60)
        assert report.retries >= 1
    assert psql(database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == "t"


@pytest.mark.parametrize("how", ["cancelled", "timeout", "busy"])
async def test_after_whatever_ended_it(given, database, psql, how):
    """Ctrl-C too: who cancels does not want to clean up by hand."""
    psql(database, "CREATE TABLE t (a int)")
    async with given() as (connection, execute), execute.run.connect(database) as other:
        await other.execute("BEGIN")
        await other.execute("INSERT INTO t VALUES (1)")
        limits = {"timeout": {"statement_timeout_s": 1.0}, "busy": {"lock_timeout_s": 0.2}}.get(how, {})
        plan = alone("CREATE INDEX CONCURRENTLY i ON t (a)", **limits)
        ended = False
        dropped = (
            f"SELECT count(*) FROM pg_stat_activity WHERE pid = {connection.get_server_pid()}"
            " AND query LIKE 'DROP INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
        )

        async def let_go() -> None:
            while psql(database, INDEXES) != "i" and not ended:  # it may end before it has made one
                await anyio.sleep(0.02)
            if how == "cancelled":
                scope.cancel()
            while psql(database, dropped) == "0" and not ended:
                await anyio.sleep(0.02)
            await other.execute("COMMIT")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(let_go)
            with anyio.CancelScope() as scope:
                if how == "cancelled":
                    await execute(plan, atomic=False)
                else:
                    with pytest.raises(Busy if how == "busy" else StatementFailed):
                        await execute(plan, atomic=False)
            ended = True
        assert await connection.fetchval("SHOW statement_timeout") == "0"
    assert psql(database, INDEXES) == ""
    assert psql(database, "SELECT to_regclass('i') IS NULL") == "t"


async def test_what_cannot_be_dropped_in_time_is_named(given, database, psql, monkeypatch):
    """Somebody has the table in use for hours."""
    monkeypatch.setattr("confiture_runner.leftovers.CLEANUP_TIMEOUT_S", 1.0)
    psql(database, "CREATE TABLE t (a int)")
    events = []
    async with (
        given(observers=[events.append]) as (_, execute),
        execute.run.connect(database) as other,
        execute.run.transaction(other),
    ):
        await other.execute("INSERT INTO t VALUES (1)")
        with anyio.fail_after(20), pytest.raises(Busy):
            await execute(alone("CREATE INDEX CONCURRENTLY i ON t (a)", lock_timeout_s=0.1), atomic=False)
    (warning,) = [event for event in events if isinstance(event, WarningRaised)]
    assert "invalid index public.i could not be dropped" in warning.message
    assert warning.hint == "DROP INDEX CONCURRENTLY public.i"
    assert psql(database, INDEXES) == "i"


async def test_an_invalid_index_that_is_let_be_is_named(given, database, psql):
    """IF NOT EXISTS is content with it, and nobody else would say so."""
    psql(database, "CREATE TABLE t (a int); CREATE INDEX i ON t (a)")
    build = alone("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)")
    events = []
    async with given(observers=[events.append]) as (_, execute):
        await execute(build, atomic=False)
        assert [event for event in events if isinstance(event, WarningRaised)] == []
        psql(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass")
        await execute(build, atomic=False)
    (warning,) = [event for event in events if isinstance(event, WarningRaised)]
    assert "the index public.i is there and invalid" in warning.message


async def test_cancelled_at_any_await(given, database, psql):
    """No invalid index, no setting of ours."""
    psql(database, "CREATE TABLE t (a int)")
    count = 0
    async with given() as (connection, execute):

        async def work() -> None:
            await execute(alone("CREATE INDEX CONCURRENTLY i ON t (a)"), atomic=False, lock_timeout_s=1)

        async for _ in at_every_await(work):
            assert psql(database, INDEXES) == ""
            assert await connection.fetchval("SHOW lock_timeout") == "0"
            await connection.execute("DROP INDEX IF EXISTS i")
            count += 1
    assert count > 5
