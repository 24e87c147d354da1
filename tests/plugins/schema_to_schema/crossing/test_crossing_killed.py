"""A cutover that is killed, stopped or cut off: one side is live, and it is known which. Judged by psql."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import Refused
from conftest import run_psql

pytestmark = pytest.mark.anyio

CAPTURES = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname ~ 'confiture' AND tgname !~ 'fence'"


async def test_killed_at_any_step(moved):
    """Before the decision nothing has happened, after it the new database is live, and all the rest is made up for."""
    for number, step in enumerate(("prepare", "fence")):
        await moved.kill("-cutover", f"cutover.{step}", "Finished")
        assert await moved.live() == (True, False)
        run_psql(moved.source, f"INSERT INTO notes VALUES (1000 + {number}, 1, '{step}')")
    status = await moved.start("-status")
    assert (status.live, status.crossings[-1].outcome) == ("old", None)
    settled = await moved.start("-settle")
    assert settled.live == "old"
    assert run_psql(moved.target, CAPTURES) == "0"
    with pytest.raises(Refused):
        await moved.start("-settle")
    await moved.kill("-cutover", "cutover.decide", "Finished")
    assert await moved.live() == (False, False)
    assert (await moved.start("-status")).live == "new"
    settled = await moved.start("-settle")
    assert (settled.live, await moved.live(), moved.same()) == ("new", (False, True), True)
    assert (run_psql(moved.source, CAPTURES), settled.reversible) == ("0", True)
    assert settled.paused_seconds == 0 or settled.steps


async def test_killed_on_the_way_back(moved):
    """The same protocol: and whoever asks again ends what was begun."""
    await moved.start("-cutover")
    run_psql(moved.target, "UPDATE holders SET balance = 8 WHERE id = 8")
    await moved.kill("-rollback", "rollback.lock", "Finished")
    assert await moved.live() == (False, True)
    await moved.kill("-rollback", "rollback.open", "Started")
    assert await moved.live() == (False, False)
    report = await moved.start("-rollback")
    assert (report.live, await moved.live(), moved.same()) == ("old", (True, False), True)


async def test_a_process_that_was_stopped_decides_nothing(moved):
    """The server ends its session, and with it its locks; when it goes on, another one has taken it back."""
    script = moved.script("-cutover", "cutover.drain", "Finished", "SIGSTOP", max_seconds=3.0)
    async with await anyio.open_process(script) as process:
        with anyio.fail_after(60):
            assert process.stdout is not None
            await process.stdout.receive()
            # Whoever waits for its locks goes on without anybody's help.
            run_psql(moved.source, "INSERT INTO notes VALUES (2000, 1, 'waited')")
            run_psql(moved.target.with_database("postgres"), END_LOCKS.format(process.pid))
            settled = await moved.start("-settle")
            assert settled.live == "old"
            process.send_signal(18)
            assert await process.wait() != 0
    assert await moved.live() == (True, False)
    assert (await moved.start("-cutover")).live == "new"
    assert moved.same()


#: The sessions that have the locks of a run: in another database, as a process holds them until it ends.
END_LOCKS = (
    "SELECT count(pg_terminate_backend(a.pid, 5000)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND a.application_name LIKE 'confiture {}@%'"
)
