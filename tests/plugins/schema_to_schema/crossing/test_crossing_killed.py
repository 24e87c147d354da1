"""A cutover that is stopped, and goes on when others have come after it: it changes nothing. Judged by plain SQL."""

from __future__ import annotations

import asyncpg
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import Busy
from confiture_schema_to_schema.crossing import settling
from conftest import run_psql
from forked import Forked
from plugins.schema_to_schema.crossing.conftest import PATIENT

pytestmark = pytest.mark.anyio

#: The sessions that have the locks of a run: in another database, as a process holds them until it ends.
END_LOCKS = (
    "SELECT count(pg_terminate_backend(a.pid, 5000)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND a.application_name LIKE 'confiture {}@%'"
)
#: What another attempt begins with.
NUMBER = "SET lock_timeout = 50; UPDATE confiture.confiture_move_crossings SET seq = seq + 1"


async def test_a_process_that_was_stopped_decides_nothing(moved, monkeypatch):
    """The server ends its session, and with it its locks; when it goes on, another one has taken it back."""
    at = ("schema-to-schema.cutover.drain", "StepFinished")
    process = Forked(moved.project.root, "schema-to-schema-cutover", at, "SIGSTOP", max_seconds=4.0)
    try:
        process.there()
        for medium in ("-cutover", "-rollback", "-settle"):
            with pytest.raises(Busy, match=f"confiture {process.pid}@"):
                await moved.start(medium)
        # Whoever waits for its locks goes on without anybody's help.
        run_psql(moved.source, "INSERT INTO notes VALUES (2000, 1, 'waited')")
        run_psql(moved.target.with_database("postgres"), END_LOCKS.format(process.pid))
        monkeypatch.setattr(settling, "_ZOMBIE_S", 0.2)
        holder = await asyncpg.connect(to_uri(moved.target.params, password=True))
        async with holder.transaction():
            await holder.execute("SELECT FROM confiture.confiture_move_crossings FOR UPDATE")
            with pytest.raises(Busy, match="about to end this"):
                await moved.start("-settle")
        await holder.close()
        asked = _begins_no_other(moved, monkeypatch)
        assert ((await moved.start("-settle")).live, asked) == ("old", ["LockNotAvailableError"])
        process.go_on()
        assert "live" not in process.end()
    finally:
        process.kill()
    assert await moved.live() == (True, False)
    assert (await moved.start("-cutover")).live == "new"
    assert moved.same()


def _begins_no_other(moved, monkeypatch) -> list[str]:
    """What is told to an attempt that begins while another process takes it back: that it has to wait."""
    asked, looked = list[str](), settling._has_crossed

    async def look(ctx, sides, record):
        async with ctx.connect(sides.target) as connection:
            try:
                await connection.execute(NUMBER)
            except Exception as error:
                asked.append(type(error).__name__)
        return await looked(ctx, sides, record)

    monkeypatch.setattr(settling, "_has_crossed", look)
    return asked


async def test_a_process_that_was_stopped_leads_nobody_away(moved):
    """It was decided, completed by another one, and taken back by a rollback: what it was about to do is over."""
    script = moved.project.write("switch.sh", '#!/bin/sh\necho "$CONFITURE_STEP" >> told\n')
    script.chmod(0o755)
    values = PATIENT | {"switch": "command", "command": "./switch.sh"}
    at = ("schema-to-schema.cutover.switch", "StepStarted")
    process = Forked(moved.project.root, "schema-to-schema-cutover", at, "SIGSTOP", **values)
    try:
        process.there()
        assert await moved.live() == (False, True)
        run_psql(moved.target.with_database("postgres"), END_LOCKS.format(process.pid))
        assert (await moved.start("-settle")).live == "new"
        assert (await moved.start("-rollback", **values)).live == "old"
        told = (moved.project.root / "told").read_text()
        assert told.split() == ["switch"] * 2
        process.go_on()
        assert process.end().startswith("ExecutionError")
    finally:
        process.kill()
    assert (moved.project.root / "told").read_text() == told
    assert await moved.live() == (True, False)


async def test_who_is_interrupted_leaves_nothing_half_done(moved):
    """By Ctrl-C: before the commit all is as it was, with it and after it the rest is done first."""
    for step, event, live in (("drain", "Started", "old"), ("decide", "Finished", "new")):
        at = (f"schema-to-schema.cutover.{step}", f"Step{event}")
        process = Forked(moved.project.root, "schema-to-schema-cutover", at, "SIGINT", **PATIENT)
        process.there()
        process.end()
        status = await moved.start("-status")
        assert (status.live, status.crossings[-1].outcome is not None) == (live, True)
        assert await moved.live() == (live == "old", live == "new")
    assert moved.same()
