"""Locks on a database in use: waited for briefly, let go, tried again, and told by whom they are held."""

from __future__ import annotations

import time
from itertools import chain

import anyio
import pytest

from confiture.errors import Busy
from confiture.model import Effects, Note, Plan, Statement

pytestmark = pytest.mark.anyio


async def test_readers_are_not_held_up_behind_a_migration(given, kernel_run, database, psql):
    """An ALTER TABLE waits for a long report, and ten readers, who would queue behind it, hardly notice."""
    psql(database, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 1000); CREATE TABLE elsewhere ()")
    limit_s = 0.5
    waited: list[list[float]] = [[] for _ in range(10)]
    stalls: list[float] = []
    ended = anyio.Event()
    events = []
    async with given(observers=[events.append]) as (_, execute), anyio.create_task_group() as tasks:
        run = execute.run

        async def report() -> None:
            async with (
                run.connect(database, settings={"application_name": "report"}) as connection,
                run.transaction(connection),
            ):
                await connection.fetch("TABLE t")
                began.set()
                for tries in range(1, 5):
                    while sum("waits for a lock" in getattr(event, "message", "") for event in events) < tries:
                        await anyio.sleep(0.02)
                    before = [len(each) for each in waited]
                    # Each of them gets through, the report or not: a few times, one may have been asked before.
                    while not all(len(each) >= was + 3 for each, was in zip(waited, before, strict=True)):
                        await anyio.sleep(0.02)
                # Set before the commit: the server lets the waiting statement through while the commit's answer is
                # still on its way here.
                ended.set()

        async def read(table: str, took: list[float]) -> None:
            async with run.connect(database) as connection:
                while not done.is_set():
                    started = time.monotonic()
                    await connection.fetchval(f"SELECT count(*) FROM {table}")
                    took.append(time.monotonic() - started)
                    await anyio.sleep(0.02)

        began, done = anyio.Event(), anyio.Event()
        tasks.start_soon(report)
        await began.wait()
        for each in waited:
            tasks.start_soon(read, "t", each)
        tasks.start_soon(read, "elsewhere", stalls)
        plan = Plan(statements=(Statement(sql="ALTER TABLE t ADD b int", kind="AlterTableStmt"),))
        with anyio.fail_after(120):
            result = await execute(plan, lock_timeout_s=limit_s, lock_retry_s=110)
        assert ended.is_set()
        await anyio.sleep(0.1)
        done.set()
    assert result.retries >= 4
    assert psql(database, "SELECT count(b) FROM t") == "0"
    together = sorted(chain(*waited))
    # Where the machine stands still, who reads something else waits as long.
    assert together[int(len(together) * 0.99)] < limit_s + 1 + max(stalls)
    notes = [event.message for event in events if isinstance(event, Note)]
    assert notes
    assert "t is held in AccessShareLock by 'report' (server process" in notes[0]
    assert "idle in transaction" in notes[0]


@pytest.mark.parametrize("atomic", [True, False])
async def test_who_holds_the_lock_is_named_at_last(given, plan_of, database, atomic):
    """With file and line, never with what they run."""
    async with given() as (connection, execute):
        run = execute.run
        async with run.connect(database, settings={"application_name": "batch job"}) as other:
            await other.execute("CREATE TABLE t (); CREATE TABLE u ()")
            async with run.transaction(other):
                await other.execute("LOCK t IN SHARE MODE /* hunter2 */")
                started = time.monotonic()
                with pytest.raises(Busy, match=r"tried \d+ times in .* t is held in ShareLock by") as caught:
                    await execute(
                        plan_of("DROP TABLE u;\nDROP TABLE t;\nSELECT 1;"),
                        atomic=atomic,
                        lock_timeout_s=0.05,
                        lock_retry_s=3,  # what the first try takes at the longest
                    )
                error = caught.value
                assert time.monotonic() - started >= 3
                assert (error.file, error.line, error.sqlstate) == ("a.sql", 2, "55P03")
                assert f"server process {other.get_server_pid()}, role 'postgres'" in error.message
                assert "by 'batch job'" in error.message
                assert "hunter2" not in str(error.as_dict())
                assert not connection.is_in_transaction()


async def test_effects_say_which_lock_is_in_the_way(given, database):
    """A reader is not in the way of a CREATE INDEX CONCURRENTLY's lock, say: it is not accused."""
    async with given() as (_, execute):
        run = execute.run
        async with (
            run.connect(database, settings={"application_name": "reader"}) as reader,
            run.connect(database, settings={"application_name": "writer"}) as writer,
        ):
            await reader.execute("CREATE TABLE t (a int)")
            async with run.transaction(reader), run.transaction(writer):
                await reader.fetch("TABLE t")
                await writer.execute("INSERT INTO t VALUES (1)")
                effects = Effects(lock="SHARE", tables=("public.t",))
                statement = Statement(sql="CREATE INDEX ON t (a)", effects=effects)
                with pytest.raises(Busy, match="by 'writer'") as caught:
                    await execute(Plan(statements=(statement,)), lock_timeout_s=0.05)
                assert "reader" not in str(caught.value.as_dict())


async def test_a_prepared_transaction_is_named(execute_prepared, psql):
    """It has no session that anybody could look for."""
    target, execute = execute_prepared
    psql(target, "CREATE TABLE t (); BEGIN; LOCK t; PREPARE TRANSACTION 'forgotten'")
    try:
        with pytest.raises(Busy, match="held in AccessExclusiveLock by the prepared transaction 'forgotten'"):
            await execute(Plan(statements=(Statement(sql="DROP TABLE t"),)), lock_timeout_s=0.05)
    finally:
        psql(target, "ROLLBACK PREPARED 'forgotten'")
        psql(target, "DROP TABLE t")


async def test_a_deadlock_is_tried_again(given, database, psql):
    """With somebody who locks the same tables the other way round."""
    psql(database, "CREATE TABLE a (); CREATE TABLE b (); CREATE TABLE c ()")
    async with given() as (connection, execute), anyio.create_task_group() as tasks:
        await connection.execute("SET deadlock_timeout = '50ms'")  # it is we who find it
        run = execute.run
        async with run.connect(database) as other:
            await other.execute("SET deadlock_timeout = '60s'")
            locked = anyio.Event()

            async def cross() -> None:
                async with run.transaction(other):
                    await other.execute("LOCK b")
                    locked.set()
                    while not await other.fetchval(f"SELECT {locks.format('a', 'granted')}"):
                        await anyio.sleep(0.02)
                    await other.execute("LOCK a")
                finished.set()

            finished = anyio.Event()
            locks = "EXISTS (SELECT FROM pg_locks WHERE relation = '{}'::regclass AND {})"
            # Until the other one waits for a; where it runs again, that one is through with both.
            wait = (
                f"DO $$ BEGIN WHILE {locks.format('b', 'granted')} AND NOT {locks.format('a', 'NOT granted')}"
                " LOOP PERFORM pg_sleep(0.01); END LOOP; END $$"
            )
            statements = ("ALTER TABLE a ADD n int", wait, "ALTER TABLE b ADD n int")
            plan = Plan(statements=tuple(Statement(sql=sql) for sql in statements))
            tasks.start_soon(cross)
            await locked.wait()
            # The other one waits for a, held by us, which wait for b.
            report = await execute(plan, lock_retry_s=60)
            await finished.wait()
    assert report.retries >= 1
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'n'"
    assert psql(database, columns) == "2"


async def test_inside_of_the_callers_transaction_nothing_is_tried_again(given, database):
    """The pause would be one with all its locks held."""
    async with given() as (connection, execute), execute.run.connect(database) as other:
        await other.execute("CREATE TABLE t ()")
        async with execute.run.transaction(other):
            await other.execute("LOCK t")
            async with execute.run.transaction(connection):
                plan = Plan(statements=(Statement(sql="DROP TABLE t"),))
                with anyio.fail_after(20), pytest.raises(Busy, match="held in AccessExclusiveLock"):
                    await execute(plan, lock_timeout_s=0.05, lock_retry_s=3600)


async def test_a_timeout_names_its_statement_and_is_not_tried_again(given, plan_of):
    """Several statements before it, and others behind."""
    async with given() as (_, execute):
        with anyio.fail_after(20), pytest.raises(Exception, match="statement timeout") as caught:
            text = "SELECT 1;\nSELECT 2;\nSELECT pg_sleep(60);\nSELECT 3;"
            await execute(plan_of(text), statement_timeout_s=0.5, lock_retry_s=3600)
        assert caught.value.line == 3


async def test_what_waits_for_old_transactions_is_not_hurried(given, database, psql):
    """A concurrent build waits for them by locks that lock_timeout counts, and nobody waits behind it."""
    psql(database, "CREATE TABLE t (a int)")
    async with given() as (connection, execute), execute.run.connect(database) as other:

        async def let_go() -> None:
            waits = f"pid = {connection.get_server_pid()} AND clock_timestamp() - waitstart > '0.2s'"
            while psql(database, f"SELECT count(*) FROM pg_locks WHERE NOT granted AND {waits}") == "0":
                await anyio.sleep(0.02)
            await other.execute("COMMIT")

        hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE t"
        await other.execute(hold)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(let_go)
            plan = Plan(statements=(Statement(sql="CREATE INDEX CONCURRENTLY i ON t (a)", transactional=False),))
            report = await execute(plan, atomic=False, lock_timeout_s=0.05)
        assert report.retries == 0
        await other.execute(hold)
        with pytest.raises(Busy):  # its own limit is obeyed, though
            again = Statement(sql="DROP INDEX CONCURRENTLY i", transactional=False, lock_timeout_s=0.05)
            await execute(Plan(statements=(again,)), atomic=False, lock_timeout_s=0.05)
        full = Statement(sql="VACUUM FULL t", transactional=False)
        with pytest.raises(Busy, match="t is held in AccessShareLock"):  # everybody waits behind it
            await execute(Plan(statements=(full,)), atomic=False, lock_timeout_s=0.05)
        assert await connection.fetchval("SHOW lock_timeout") == "0"


async def test_what_commits_by_itself_is_not_run_again(given, database, psql):
    """Half of its work is done: a second run would do that twice."""
    psql(
        database,
        "CREATE TABLE t (a int); CREATE TABLE u (a int); CREATE PROCEDURE p() LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO u VALUES (1); END'",
    )
    async with given() as (_, execute), execute.run.connect(database) as other, execute.run.transaction(other):
        await other.execute("LOCK u")
        for sql in ("CALL p()", "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO u VALUES (1); END $$"):
            plan = Plan(statements=(Statement(sql=sql, transactional=False),))
            with anyio.fail_after(20), pytest.raises(Busy, match="lock timeout"):
                await execute(plan, atomic=False, lock_timeout_s=0.05, lock_retry_s=3600)
    assert psql(database, "SELECT count(*) FROM t") == "2"


async def test_a_partition_half_detached_is_finalized(given, database, psql):
    """The second half meets a lock; the same statement would now be refused."""
    psql(
        database,
        "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
    )
    detach = "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY"
    statement = Statement(sql=detach, kind="AlterTableStmt", transactional=False, lock_timeout_s=0.1)
    events = []
    async with (
        given(observers=[events.append]) as (_, execute),
        execute.run.connect(database) as other,
        anyio.create_task_group() as tasks,
    ):

        async def hold() -> None:
            async with execute.run.transaction(other):
                await other.fetch("TABLE p")
                held.set()
                while not any(isinstance(event, Note) for event in events):
                    await anyio.sleep(0.02)

        held = anyio.Event()
        tasks.start_soon(hold)
        await held.wait()
        report = await execute(Plan(statements=(statement,)), atomic=False, lock_timeout_s=0.1, lock_retry_s=60)
    assert report.retries >= 1
    assert psql(database, "SELECT count(*) FROM pg_inherits") == "0"
