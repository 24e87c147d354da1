"""Many deployers at once: one works, the others wait, say for whom, and find nothing to do."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import Busy
from e2e.migrate.conftest import wait_for

pytestmark = pytest.mark.anyio

APPLIED = "SELECT string_agg(version, ',' ORDER BY id) FROM confiture.confiture_migrations"


@pytest.fixture
def three(project):
    """Each fails where it is run twice."""
    project.write("db/migrations/001_a.up.sql", "CREATE TABLE a (id int);")
    project.write("db/migrations/002_b.up.sql", "CREATE INDEX CONCURRENTLY i ON a (id);")
    project.write("db/migrations/003_c.up.sql", "CREATE TABLE c (id int);")
    return project


def test_twenty_processes(three, confiture, database, psql):
    processes = [confiture(three.root, database, "--format", "json") for _ in range(20)]
    assert [process.wait() for process in processes] == [0] * 20
    assert psql(database, f"{APPLIED} WHERE state = 'applied'") == "001,002,003"
    assert sum(len(process.json()["migrations"]) for process in processes) == 3


async def test_twenty_tasks(three, kernel_run, database, psql):
    reports = []

    async def up():
        async with kernel_run(three) as run:
            reports.append(await run.start("up"))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(up)
    assert psql(database, f"{APPLIED} WHERE state = 'applied'") == "001,002,003"
    assert sum(len(report.migrations) for report in reports) == 3


@pytest.fixture
async def at_work(three, kernel_run, database, psql, confiture):
    """A process that is in the middle of a migration until the table ``gate`` is let go."""
    psql(database, "CREATE TABLE gate ()")
    three.write("db/migrations/001_a.up.sql", "CREATE TABLE a (id int);\nLOCK TABLE gate;")
    async with kernel_run(three) as run, run.connect(database) as holder:
        await holder.execute("BEGIN; LOCK TABLE gate")
        process = confiture(three.root, database, "--lock-timeout", "60")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        await anyio.to_thread.run_sync(wait_for, lambda: psql(database, waits) == "1")
        yield process
        await holder.execute("ROLLBACK")
        assert await anyio.to_thread.run_sync(process.wait) == 0


async def test_who_holds_the_lock_is_told_and_waiting_ends(three, at_work, confiture, database):
    process = confiture(three.root, database, "--lock-wait", "1")
    assert process.wait() == 9
    holder = f"is held after 1 s by 'confiture {at_work._process.pid}@"
    assert holder in process.errors
    assert "role 'postgres') since 20" in process.errors
    assert "hint: wait for that run to end, or stop it" in process.errors


async def test_who_waits_says_for_whom(three, at_work, kernel_run):
    """A program is told by an event, a person on stderr."""
    notes = []
    async with kernel_run(three, observers=[notes.append]) as run:
        with pytest.raises(Busy):
            await run.start("up", lock_wait_s=4)  # told after a second
    told = [note.message for note in notes if "waiting" in getattr(note, "message", "")]
    assert len(told) == 1
    assert f"'confiture {at_work._process.pid}@" in told[0]


async def test_status_waits_for_nobody(three, at_work, confiture, database):
    process = confiture(three.root, database, "--format", "json", command="status")
    process.wait()
    assert process.json()["pending"] == 3
