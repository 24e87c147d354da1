"""The process that follows: it outlives what it follows, and makes room for a cutover."""

from __future__ import annotations

import anyio
import pytest
from anyio import to_thread

from confiture.errors import Busy, Refused
from confiture.model import Note, Progress
from conftest import run_psql
from forked import Forked

pytestmark = pytest.mark.anyio

ASK = "UPDATE confiture.confiture_move_epochs SET asked_to_end = true"
KILL = (
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
#: The sessions that have the locks of a run: in another database, as a process holds them until it ends.
END_LOCKS = (
    "SELECT count(pg_terminate_backend(a.pid, 5000)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND a.application_name LIKE 'confiture {}@%'"
)


async def test_it_follows_through_lost_sessions_until_a_cutover_asks(following):
    """The lag is told; a change that comes while nobody is there is not lost."""
    with pytest.raises(Refused, match="there is no migration"):
        await following.follow()
    await following.start()
    told, reports = [], []

    async def follow():
        reports.append(await following.follow(until_caught_up=False, observers=[told.append]))

    async def reached(step, done):
        with anyio.fail_after(60):
            while not any(isinstance(event, Progress) and event.step == step and event.done >= done for event in told):
                await anyio.sleep(0.01)

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        following.write("UPDATE users SET login = 'one' WHERE id = 1")
        await reached("schema-to-schema.follow", 1)
        with anyio.fail_after(60):
            # Sessions that are known to be gone before they are needed again are nothing to be told of.
            while not any(isinstance(event, Note) and "tried again" in event.message for event in told):
                run_psql(following.target, KILL)
                run_psql(following.source, KILL)
                await anyio.sleep(0.01)
        following.write("UPDATE users SET login = 'two' WHERE id = 1; INSERT INTO orders VALUES (4000, 1, 1)")
        await reached("schema-to-schema.follow", 2)
        with pytest.raises(Busy, match="is held"):
            await following.follow(until_caught_up=False)
        await to_thread.run_sync(run_psql, following.target, ASK)  # a batch may hold that row, in this very process
    assert reports[0].ended == "taken over by a cutover"
    assert reports[0].exit_code == 0
    assert {event.unit for event in told if isinstance(event, Progress) and ".follow" in event.step} == {
        "changes",
        "bytes",
        "ms",
    }
    following.write("DELETE FROM users WHERE id = 1")
    report = await following.follow()
    assert report.ended == "caught up"
    assert report.entries
    assert following.differing() == {}
    lags = "SELECT count(*) > 0, sum(backlog_entries) >= 0 FROM confiture.confiture_move_lags"
    assert run_psql(following.target, lags) == "t|t"
    # One that was stopped, lost its lock and goes on later finds the epoch of another, and applies nothing.
    process = Forked(
        following.project.root, "schema-to-schema-follow", ("schema-to-schema.follow", "Progress"), "SIGSTOP"
    )
    try:
        process.there()
        run_psql(following.target.with_database("postgres"), END_LOCKS.format(process.pid))
        assert (await following.follow()).ended == "caught up"
        following.write("UPDATE users SET login = 'three' WHERE id = 2")
        process.go_on()
        assert process.end().startswith("Busy: another process")
    finally:
        process.kill()
    assert following.differing() == {"accounts": 2}
