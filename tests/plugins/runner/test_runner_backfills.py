"""Backfills in batches on a database in use; the judge is SQL."""

from __future__ import annotations

import os
import signal
import time

import anyio
import pytest
from msgspec.structs import replace

from confiture.errors import Busy, StatementFailed, UnsupportedScript
from confiture.migrations.backfill import backfill_statement
from confiture.model import Note, Origin, Plan, Progress, StepFinished

pytestmark = pytest.mark.anyio

USERS = "CREATE TABLE users (id int, name text, email text); INSERT INTO users SELECT n, 'u' || n FROM"
DONE = "SELECT count(*), count(DISTINCT xmin::text) FROM users WHERE email = name"


def plan_of_backfill(table="users", set_="email = name -- so", where="email IS NULL -- yet", batch_rows=1000) -> Plan:
    statement = backfill_statement(table, set_, where, batch_rows)
    return Plan(statements=(replace(statement, origin=Origin(file="m.py", line=3, column=1, offset=0)),))


async def test_in_transactions_of_their_own(given, database, psql):
    """With progress, and the rows that it changed."""
    psql(database, f"{USERS} generate_series(1, 5000) n; ANALYZE")
    events = []
    async with given(observers=[events.append]) as (_, execute):
        report = await execute(plan_of_backfill(batch_rows=500), atomic=False, lock_timeout_s=1)
    assert report.rows == 5000
    rows, transactions = psql(database, DONE).split("|")
    assert rows == "5000"
    assert 5 <= int(transactions) <= 20
    progress = [event for event in events if isinstance(event, Progress)]
    assert {event.unit for event in progress} == {"pages"}
    assert progress[-1].done == progress[-1].total
    assert [event.summary for event in events if isinstance(event, StepFinished)] == ["5000 rows"]


async def test_partitions_children_and_aliases(execute, database, psql):
    """As the statement's own DO block does it."""
    psql(
        database,
        'CREATE SCHEMA "S"; CREATE TABLE "S"."P p" (id int, done bool DEFAULT false) PARTITION BY RANGE (id);'
        'CREATE TABLE p1 PARTITION OF "S"."P p" FOR VALUES FROM (0) TO (1000);'
        'CREATE TABLE p2 PARTITION OF "S"."P p" DEFAULT; INSERT INTO "S"."P p" SELECT generate_series(0, 2999);'
        "CREATE TABLE i (id int, done bool DEFAULT false); CREATE TABLE ic () INHERITS (i);"
        "INSERT INTO i VALUES (1); INSERT INTO ic VALUES (2)",
    )
    await execute(plan_of_backfill('"S"."P p"', "done = true", 'NOT "P p".done', 100), atomic=False)
    await execute(plan_of_backfill("i AS x", "done = true", "NOT x.done"), atomic=False)
    assert psql(database, 'SELECT count(*) FROM "S"."P p" WHERE done') == "3000"
    assert psql(database, "SELECT count(*) FROM i WHERE done") == "2"


async def test_a_writer_loses_nothing_in_a_million_rows(given, database, psql):
    """No lost update, no row forgotten, and no statement of the writer waits for long."""
    psql(
        database, f"{USERS} generate_series(1, 1000000) n; ALTER TABLE users ADD n int DEFAULT 0, ADD PRIMARY KEY (id)"
    )
    written = 0
    longest = 0.0
    async with given() as (_, execute), execute.run.connect(database) as other, anyio.create_task_group() as tasks:
        ended = anyio.Event()

        async def write() -> None:
            nonlocal written, longest
            while not ended.is_set():
                started = time.monotonic()
                # New versions of rows move to other pages, before and behind the place where the backfill is.
                first = written % 99 * 10000 + 1
                update = f"UPDATE users SET n = n + 1 WHERE id BETWEEN {first} AND {first + 199}"
                await other.execute(update)
                written += 1
                longest = max(longest, time.monotonic() - started)
                await anyio.sleep(0.005)

        tasks.start_soon(write)
        report = await execute(plan_of_backfill(batch_rows=10_000), atomic=False, lock_timeout_s=1, lock_retry_s=60)
        ended.set()
    assert written > 50
    assert report.rows == 1_000_000
    assert psql(database, "SELECT count(*) FROM users WHERE email = name") == "1000000"
    assert psql(database, "SELECT sum(n) FROM users") == str(written * 200)
    assert longest < report.seconds / 2  # in one transaction it would be nearly all of that


async def test_a_row_that_is_locked_is_waited_for_and_tried_again(given, database, psql):
    """A batch at a time; those done stay done. At last the holder is named."""
    psql(database, f"{USERS} generate_series(1, 5000) n; ANALYZE")
    events = []
    async with given(observers=[events.append]) as (connection, execute), execute.run.connect(database) as other:
        async with anyio.create_task_group() as tasks:

            async def hold() -> None:
                async with execute.run.transaction(other):
                    await other.execute("UPDATE users SET name = 'x' WHERE id = 4000")
                    held.set()
                    while not any(isinstance(event, Note) for event in events):
                        await anyio.sleep(0.02)

            held = anyio.Event()
            tasks.start_soon(hold)
            await held.wait()
            report = await execute(plan_of_backfill(batch_rows=500), atomic=False, lock_timeout_s=0.1, lock_retry_s=60)
        assert report.retries >= 1
        assert psql(database, "SELECT email FROM users WHERE id = 4000") == "x"
        assert psql(database, "SELECT count(*) FROM users WHERE email = name") == "5000"
        async with execute.run.transaction(other):
            await other.execute("UPDATE users SET name = 'y', email = NULL WHERE id = 1")
            with pytest.raises(Busy, match="users is held in RowExclusiveLock") as caught:
                await execute(plan_of_backfill(where="email = name"), atomic=False, lock_timeout_s=0.1)
            assert (caught.value.file, caught.value.line) == ("m.py", 3)
        assert await connection.fetchval("SHOW lock_timeout") == "0"


async def test_a_failure_keeps_what_was_done(execute, database, psql):
    """And what follows does the rest."""
    psql(database, f"{USERS} generate_series(1, 5000) n; ALTER TABLE users ADD CHECK (id <> 4000 OR email IS NULL)")
    psql(database, "ANALYZE")
    with pytest.raises(StatementFailed, match="violates check constraint") as caught:
        await execute(plan_of_backfill(batch_rows=500), atomic=False)
    assert caught.value.where == "m.py:3:1"
    assert 2000 < int(psql(database, "SELECT count(*) FROM users WHERE email = name")) < 4000
    psql(database, "ALTER TABLE users DROP CONSTRAINT users_check")
    await execute(plan_of_backfill(batch_rows=500), atomic=False)
    assert psql(database, "SELECT count(*) FROM users WHERE email = name") == "5000"


async def test_a_condition_that_always_holds_ends(execute, database, psql):
    """With the reason, not never."""
    psql(database, f"{USERS} generate_series(1, 10) n")
    with pytest.raises(StatementFailed, match="rows of users still match after 20 passes") as caught:
        await execute(plan_of_backfill(where="true"), atomic=False)
    assert caught.value.line == 3


async def test_the_statement_timeout_is_one_of_a_batch(execute, database, psql):
    """Hours of work in pieces are no statement of hours."""
    psql(
        database, "CREATE TABLE t (a int, b text) WITH (fillfactor = 10); INSERT INTO t SELECT generate_series(1, 400)"
    )
    psql(database, "ANALYZE t")
    # The server counts from the start of a statement that the client sends.
    set_ = "b = statement_timestamp() || ' ' || current_setting('statement_timeout')"
    await execute(plan_of_backfill("t", set_, "b IS NULL", 50), atomic=False, statement_timeout_s=61)
    assert int(psql(database, "SELECT count(DISTINCT b) FROM t WHERE b LIKE '% 61s'")) >= 8
    assert psql(database, "SELECT count(*) FROM t WHERE b LIKE '% 61s'") == "400"
    slow = plan_of_backfill("t", "b = ''::text || pg_sleep(0.01)", "b <> ''", 10_000)
    with pytest.raises(StatementFailed, match="statement timeout"):
        await execute(slow, atomic=False, statement_timeout_s=0.6)


async def test_throttled(execute, database, psql):
    """It sleeps so many seconds for each second of work."""
    psql(database, f"{USERS} generate_series(1, 20000) n; ANALYZE")
    # At least 10 ms of work in each of the 20 batches or so, and nine times that of sleep.
    slow = "email = CASE id % 1000 WHEN 500 THEN pg_sleep(0.01)::text || name ELSE name END"
    report = await execute(plan_of_backfill(set_=slow, batch_rows=1000), atomic=False, throttle=9.0)
    assert report.rows == 20000
    assert psql(database, "SELECT count(*) FROM users WHERE email = name") == "20000"
    assert report.seconds > 20 * 0.01 * 10


async def test_cancelled_between_batches(given, database, psql):
    """Nothing is open, and what was done is done."""
    psql(database, f"{USERS} generate_series(1, 20000) n; ANALYZE")
    scope = anyio.CancelScope()

    def observe(event) -> None:
        if isinstance(event, Progress):
            scope.cancel()

    async with given(observers=[observe]) as (connection, execute):
        with scope:
            await execute(plan_of_backfill(batch_rows=500), atomic=False, throttle=100.0, lock_timeout_s=61)
        assert scope.cancelled_caught
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SHOW lock_timeout") == "0"
    assert 0 < int(psql(database, "SELECT count(*) FROM users WHERE email = name")) < 20000


async def test_cancelled_in_a_batch(given, database, psql):
    """The server stops it."""
    psql(database, f"{USERS} generate_series(1, 100) n")
    async with given() as (connection, execute):
        with anyio.move_on_after(0.3) as scope:
            await execute(plan_of_backfill(set_="email = name || pg_sleep(1)"), atomic=False, lock_timeout_s=1)
        assert scope.cancelled_caught
        assert await connection.fetchval("SHOW lock_timeout") == "0"
    locks = "SELECT count(*) FROM pg_locks WHERE relation = 'users'::regclass"
    assert psql(database, f"{locks}; SELECT count(*) FROM users WHERE email IS NOT NULL") == "0\n0"


async def test_a_rehearsal_does_it_at_once(execute, database, psql):
    """In the transaction that is rolled back, after what the same migration did before it."""
    psql(database, f"{USERS} generate_series(1, 100) n")
    plan = plan_of_backfill()
    report = await execute(plan, rollback=True, measure=True)
    assert report.rows == 100
    assert report.measured[0].locks == (("RowExclusiveLock", "public.users"),)
    assert psql(database, "SELECT count(email) FROM users") == "0"
    with pytest.raises(UnsupportedScript):
        await execute(plan)


@pytest.mark.parametrize("how", ["paused", "hung"])
async def test_replicas_are_waited_for(replicated, psql, how):
    """One that does not replay, or does not answer, holds up the backfill until it has caught up. Said once."""
    primary, standby, execute = replicated
    psql(primary, f"{USERS} generate_series(1, 20000) n; ANALYZE")
    while psql(primary, "SELECT replay_lsn >= pg_current_wal_lsn() FROM pg_stat_replication") != "t":
        await anyio.sleep(0.02)
    receiver = int(psql(standby, "SELECT pid FROM pg_stat_wal_receiver"))
    rows: list[int] = []

    def go_on() -> None:
        if how == "paused":
            psql(standby, "SELECT pg_wal_replay_resume()")
        else:
            os.kill(receiver, signal.SIGCONT)

    async def go_on_later() -> None:
        await anyio.sleep(3)
        rows.append(int(psql(primary, "SELECT count(*) FROM users WHERE email = name")))
        go_on()

    if how == "paused":
        psql(standby, "SELECT pg_wal_replay_pause()")
    else:
        os.kill(receiver, signal.SIGSTOP)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(go_on_later)
            with anyio.fail_after(300):
                # A batch takes no time: the throttle makes the work longer than the lag that is allowed.
                report = await execute(
                    plan_of_backfill(batch_rows=200), atomic=False, max_replica_lag_s=0.5, throttle=10.0
                )
    finally:
        go_on()
    assert report.rows == 20000
    assert rows[0] < 20000
    notes = [event.message for event in execute.events if isinstance(event, Note)]
    assert notes == ["waits for replicas that are behind: standby"]


async def test_a_role_that_may_not_see_replicas_is_told(replicated, kernel_run, psql):
    """Once, and the work goes on."""
    primary, _, execute = replicated
    psql(primary, f"{USERS} generate_series(1, 100) n; CREATE ROLE plain LOGIN; ALTER TABLE users OWNER TO plain")
    execute.target = replace(primary, params={**primary.params, "user": "plain"})
    report = await execute(plan_of_backfill(), atomic=False, max_replica_lag_s=0.5)
    assert report.rows == 100
    (warning,) = [event for event in execute.events if type(event).__name__ == "WarningRaised"]
    assert "may not see how far replicas are" in warning.message
    assert "pg_monitor" in warning.hint
