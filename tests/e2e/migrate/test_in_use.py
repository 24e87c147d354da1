"""A database that the application is using: readers are not held up, writers lose nothing."""

from __future__ import annotations

import time
from itertools import chain

import anyio
import pytest

from e2e.migrate.conftest import wait_for

pytestmark = pytest.mark.anyio

_LOCK_TIMEOUT_S = 1.0


async def test_readers_are_not_held_up_behind_a_blocked_lock(project, kernel_run, database, psql):
    """With the defaults, while a long transaction is in the way: the 99th percentile of ten readers' answers."""
    psql(database, "CREATE TABLE busy (id int); INSERT INTO busy SELECT generate_series(1, 100)")
    psql(database, "CREATE TABLE elsewhere ()")
    project.write("db/migrations/001_a.up.sql", "ALTER TABLE busy ADD COLUMN a int;")
    took, stalls, over, report = [[] for _ in range(10)], [], anyio.Event(), None
    events = []

    async with kernel_run(project, observers=[events.append]) as run, run.connect(database) as long_reader:

        async def read(table, took):
            async with run.connect(database) as connection:
                while not over.is_set():
                    started = time.monotonic()
                    await connection.execute(f"SELECT count(*) FROM {table}")
                    took.append(time.monotonic() - started)
                    await anyio.sleep(0.05)

        await long_reader.execute("BEGIN; SELECT count(*) FROM busy")
        async with anyio.create_task_group() as group:
            for each in took:
                group.start_soon(read, "busy", each)
            group.start_soon(read, "elsewhere", stalls)

            async def up():
                nonlocal report
                report = await run.start("up")
                over.set()

            group.start_soon(up)
            for tries in range(1, 4):
                while sum("waits for a lock" in getattr(event, "message", "") for event in events) < tries:
                    await anyio.sleep(0.02)
                before = [len(each) for each in took]
                # Each of them gets through, whoever is in the way: a few times, one may have been asked before.
                while not all(len(each) >= was + 3 for each, was in zip(took, before, strict=True)):
                    await anyio.sleep(0.02)
            assert psql(database, "SELECT count(*) FROM pg_attribute WHERE attname = 'a'") == "0"
            await long_reader.execute("COMMIT")
    assert report.migrations[0].retries >= 3
    assert psql(database, "SELECT count(*) FROM pg_attribute WHERE attname = 'a'") == "1"
    together = sorted(chain(*took))
    # Where the machine stands still, who reads something else waits as long.
    assert together[int(len(together) * 0.99)] < _LOCK_TIMEOUT_S + 1 + max(stalls)


ROWS = 200_000
FILL = """
from confiture.models.migration import Migration


class Fill(Migration):
    version = "001"
    name = "fill"

    def up(self):
        self.execute("ALTER TABLE big ADD COLUMN filled int")
        self.backfill("big", set="filled = n + 1", where="filled IS NULL", batch_rows=5000)
        self.execute("ALTER TABLE big ADD CONSTRAINT filled CHECK (filled IS NOT NULL)")
"""


async def test_a_backfill_beside_a_writer_that_is_killed_and_run_again(project, confiture, kernel_run, database, psql):
    """No update of the writer is lost, nobody waits for long, and no row is filled twice."""
    psql(database, f"CREATE TABLE big (id int PRIMARY KEY, n int, writes int DEFAULT 0);"
         f"INSERT INTO big (id, n) SELECT g, g FROM generate_series(1, {ROWS}) g")  # fmt: skip
    project.write("db/migrations/001_fill.py", FILL)
    project.config("[incremental]\nthrottle = 10\n")  # it is not through before it is killed
    filled = "SELECT count(*) FROM big WHERE filled IS NOT NULL"
    writes, over = 0, anyio.Event()

    async with kernel_run(project) as run, run.connect(database) as writer:

        async def write():
            nonlocal writes
            await writer.execute("SET lock_timeout = '10s'")
            while not over.is_set():
                number = writes * 7919 % ROWS + 1
                await writer.execute(f"UPDATE big SET writes = writes + 1 WHERE id = {number}")
                writes += 1
                await anyio.sleep(0.001)

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            process = confiture(project.root, database)
            has = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'big'::regclass AND attname = 'filled'"

            def half_way():
                return psql(database, has) == "1" and int(psql(database, filled)) > ROWS // 10

            await anyio.to_thread.run_sync(wait_for, half_way)
            process.kill()
            assert int(psql(database, filled)) < ROWS
            project.config("")
            again = confiture(project.root, database, "--format", "json")
            code = await anyio.to_thread.run_sync(again.wait)
            over.set()
        assert code == 0, again.errors
    assert again.json()["migrations"][0]["resumed_at"] == 2
    assert psql(database, "SELECT count(*) FROM big WHERE filled <> n + 1 OR filled IS NULL") == "0"
    assert psql(database, "SELECT sum(writes) FROM big") == str(writes)
    assert writes > 100
