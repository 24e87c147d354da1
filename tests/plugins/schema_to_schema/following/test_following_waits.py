"""What a process that follows meets: others' locks, sessions that nobody is at any more, a kill. Judged by psql."""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager

import anyio
import asyncpg
import pytest
from anyio import to_thread

from confiture.config.dsn import to_uri
from confiture.errors import Busy
from confiture.model import Note, WarningRaised
from confiture_schema_to_schema.crossing import medium as crossing
from confiture_schema_to_schema.following import touched, waiting
from confiture_schema_to_schema.status import live
from conftest import run_psql
from deaf import network
from forked import Forked

pytestmark = pytest.mark.anyio

ASK = "UPDATE confiture.confiture_move_epochs SET asked_to_end = true"
COMPLAINT = "SELECT last_error FROM confiture.confiture_move_epochs"
END_LOCKS = (
    "SELECT count(pg_terminate_backend(a.pid, 5000)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND a.application_name LIKE 'confiture {}@%'"
)
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'confiture {}@%' AND wait_event_type = 'Lock'"
    " AND datname = current_database()"
)
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'confiture {}@%'"
#: Who reads its definition goes on.
HELD = "LOCK TABLE pets IN SHARE MODE"
FOLLOW = "schema-to-schema-follow"


@asynccontextmanager
async def holding(place, *statements):
    """A session in whose transaction they are made; its process."""
    holder = await asyncpg.connect(to_uri(place.params, password=True))
    try:
        async with holder.transaction():
            for sql in statements:
                await holder.execute(sql)
            yield holder.get_server_pid()
    finally:
        await holder.close()


async def until_waiting(pid, place):
    with anyio.fail_after(60):
        while run_psql(place, WAITING.format(pid)) == "0":
            await anyio.sleep(0.01)


async def until_gone(process, place):
    """The server sees later than we do that it was killed, and gives its locks back then."""
    with anyio.fail_after(60):
        while run_psql(place, SESSIONS.format(process.pid)) != "0":
            await anyio.sleep(0.01)


async def killed_at(following, at):
    process = Forked(following.project.root, "schema-to-schema", at, resume=True, jobs=1)
    assert process.end() == "SIGKILL"
    await until_gone(process, following.target)


async def test_who_is_in_the_way_is_named_and_waited_for(following, monkeypatch):
    """On either side: its snapshot is let go, a cutover still reaches it, and it goes on by itself."""
    await following.start()
    monkeypatch.setattr("confiture_schema_to_schema.following.batches.LOCK_LIMIT", {"lock_timeout": "500ms"})
    monkeypatch.setattr(waiting, "_WONDER_S", 0.02)
    monkeypatch.setattr(waiting, "_LOOK_EVERY_S", 0.02)
    told, reports = [], []

    async def follow():
        reports.append(await following.follow(until_caught_up=False, observers=[told.append]))

    async def until(true):
        # Not in this thread: who follows is in it, and may have locked what psql waits for.
        with anyio.fail_after(60):
            while not await to_thread.run_sync(true):
                await anyio.sleep(0.02)

    def said(type_, words):
        return any(isinstance(each, type_) and words in each.message for each in told)

    change = "UPDATE cats SET name = name || '!' WHERE id < 9"
    following.write(change)
    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        await until(lambda: not following.differing())
        async with holding(following.target, HELD) as pid:
            following.write(change)
            await until(lambda: said(WarningRaised, "on 'production_new' they wait for"))
            await until(lambda: f"(server process {pid}, " in run_psql(following.target, COMPLAINT))
        assert said(WarningRaised, f"(server process {pid}, role 'postgres') since 20")
        await until(lambda: said(Note, "brought over again"))
        await until(lambda: run_psql(following.target, COMPLAINT) == "")
        assert following.differing() == {}
        # What a row is joined with, so that it can be written to.
        async with holding(following.source, "LOCK TABLE region IN ACCESS EXCLUSIVE MODE"):
            following.write("UPDATE users SET login = 'y' WHERE id = 9")
            await until(lambda: said(WarningRaised, "on 'production' they wait for"))
            await to_thread.run_sync(run_psql, following.target, ASK)  # a batch holds that row while it waits
            await until(lambda: reports)
    assert reports[0].ended == "taken over by a cutover"
    # More than can be looked up by keys: the part is copied whole, with whatever was in its place.
    monkeypatch.setattr(touched, "_MANY", 5)
    following.write(change)
    marked = "SELECT set_config('confiture.follows', run_id, false) FROM confiture.confiture_moves"
    run_psql(following.target, f"{marked}; INSERT INTO pets VALUES ('cat', 999, 'stray')")
    assert following.differing() == {"accounts": 2, "pets": 17}
    await following.follow()
    assert following.differing() == {}


async def test_sessions_that_nobody_is_at_are_ended(following, monkeypatch):
    """One that is stopped within a batch has the row by which it is known; one's own may be lost with the network."""
    await following.start()
    await following.follow()  # what it switches off first is off then
    process = Forked(following.project.root, FOLLOW)
    try:
        async with holding(following.target, HELD):
            following.write("UPDATE cats SET name = 'x' WHERE id = 1")
            await until_waiting(process.pid, following.target)
            os.kill(process.pid, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(live, "_SILENT_S", 0)
            # Nobody can tell it from one that is busy.
            assert (await following.start("schema-to-schema-status")).following.running
            patch.setattr(crossing, "LOCK_LIMIT", {"lock_timeout": "100ms"})
            patch.setattr(crossing, "_TAKE_OVER_S", (0.0, 0.1))
            with pytest.raises(Busy, match=f"is held after 0.1 s by 'confiture {process.pid}@"):
                await following.start("schema-to-schema-cutover")
        run_psql(following.target.with_database("postgres"), END_LOCKS.format(process.pid))
        with anyio.fail_after(30):
            assert (await following.follow()).ended == "caught up"
    finally:
        process.kill()
    assert following.differing() == {}
    reports = []
    monkeypatch.setattr("confiture_schema_to_schema.following.batches.LOCK_LIMIT", {"lock_timeout": "1s"})

    async def follow():
        reports.append(await following.follow(until_caught_up=False))

    async with network(following.target) as way:
        following.project.environment_for(way.target, "production_new")
        async with anyio.create_task_group() as group:
            async with holding(following.target, HELD):
                following.write("UPDATE cats SET name = 'cut' WHERE id = 2")
                group.start_soon(follow)
                await until_waiting(os.getpid(), following.target)
                way.cut()
            with anyio.fail_after(60):
                while following.differing():
                    await anyio.sleep(0.02)
            way.cut()
            await to_thread.run_sync(run_psql, following.target, ASK)
        assert reports[0].ended == "taken over by a cutover"
        following.project.environment_for(following.target, "production_new")
        assert (await following.follow()).ended == "caught up"


async def test_killed_at_each_step_it_goes_on(following):
    """While triggers are made, rows are copied, changes brought over, keys put back; within a batch, and after it."""
    root = following.project.root
    start = "schema-to-schema"

    async def killed_waiting(medium, place, *held, **values):
        process = Forked(root, medium, **values)
        try:
            async with holding(place, *held):
                await until_waiting(process.pid, place)
                process.kill()
        finally:
            process.kill()
        await until_gone(process, place)

    await killed_waiting(start, following.source, "UPDATE users SET login = 'held' WHERE id = 100", jobs=1)
    following.write("UPDATE users SET login = 'a' WHERE id = 1; DELETE FROM orders WHERE id = 2")
    for number, at in enumerate(
        (
            (f"{start}.rows", "StepStarted"),
            12,
            (f"{start}.analyze", "StepFinished"),
        )
    ):
        await killed_at(following, at)
        one, two = 50 + 2 * number, 51 + 2 * number
        following.write(
            f"TRUNCATE dogs; INSERT INTO dogs VALUES ({number}, 'd');"
            f"UPDATE users SET id = id + 1000 WHERE id = {number};"
            f"UPDATE users SET login = 't' WHERE id = {one}; UPDATE users SET login = 'u{one}' WHERE id = {two};"
            f"UPDATE users SET login = 'u{two}' WHERE id = {one}"
        )
        if number == 1:
            row = "SELECT FROM confiture.confiture_move_epochs FOR UPDATE"
            await killed_waiting(start, following.target, row, resume=True, jobs=1)
    await following.start(resume=True)
    await following.follow()  # what it switches off first is off then
    following.write("DELETE FROM users WHERE id = 60; UPDATE cats SET name = 'last' WHERE id = 4")
    await killed_waiting(FOLLOW, following.target, HELD)
    assert following.differing()["pets"] == 2
    log = run_psql(following.source, "SELECT oid::regclass FROM pg_class WHERE relname ~ '^move_.*_log$'")
    await killed_waiting(FOLLOW, following.source, f"SELECT FROM {log} FOR UPDATE")
    assert following.differing() == {}
    assert run_psql(following.source, f"SELECT count(*) > 0 FROM {log}") == "t"
    await following.follow()
    assert following.differing() == {}
