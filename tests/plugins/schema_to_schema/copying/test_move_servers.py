"""Servers that are restarted while rows move, and a replica that is behind."""

from __future__ import annotations

import asyncio
import itertools
from functools import partial

import anyio
import pytest

from confiture.model import Note, Progress
from conftest import run_psql
from e2e.migrate.servers import OwnServer
from plugins.schema_to_schema.copying.conftest import CONFIG, MAP, Move

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def own():
    """A server of these tests, and its standby."""
    primary = OwnServer()
    standby = OwnServer(of=primary)
    yield primary, standby
    standby.end()
    primary.end()


@pytest.fixture
def move(project, own, kernel_run):
    """Both databases are on that server."""
    project.config(CONFIG)
    project.write("db/migration_map.yaml", MAP)
    names = itertools.count(1)

    def new_database():
        name = f"{project.root.parent.name[:40]}_{next(names)}"
        run_psql(own[0].target, f'CREATE DATABASE "{name}"')
        return own[0].target.with_database(name)

    return Move(project, new_database, kernel_run)


async def test_it_waits_while_a_replica_is_behind(move, own):
    """The standby no longer applies what it gets: copying stops, and goes on when it does."""
    move.project.config(CONFIG + "max_replica_lag_s = 0.1\n")
    waits = "SELECT waiting_for ~ '^a replica of .* is [0-9]+ s behind' FROM confiture.confiture_moves"
    with anyio.fail_after(120):
        while run_psql(own[0].target, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != "1":
            await anyio.sleep(0.02)
        run_psql(own[1].target, "SELECT pg_wal_replay_pause()")
        async with anyio.create_task_group() as group:
            group.start_soon(partial(move, jobs=1, tables=("people", "bare"), max_mb_per_second=0.03))
            while run_psql(move.target, "SELECT to_regclass('confiture.confiture_moves') IS NOT NULL") != "t":
                await anyio.sleep(0.02)
            while run_psql(move.target, waits) != "t":
                await anyio.sleep(0.02)
            assert run_psql(move.target, "SELECT count(*) < 250 FROM notes") == "t"
            run_psql(own[1].target, "SELECT pg_wal_replay_resume()")
    assert move.contents["notes"] == move.expected["notes"]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_both_servers_are_restarted(move, own, mode):
    """In the middle of a chunk; ``immediate`` is a crash. Nothing is lost, nothing is there twice."""
    # A connection that is lost while the driver begins a COPY leaves a future that nobody reads.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    events = []

    def restart(event):
        events.append(event)
        if isinstance(event, Progress) and event.step == "schema-to-schema.public.folk" and "done" not in events:
            events.append("done")
            own[0].restart(mode)

    report = await move(observers=[restart])
    assert "done" in events
    assert move.contents == move.expected
    assert report.rows == sum(int(line.partition("|")[0]) for line in move.expected.values())
    assert any(isinstance(event, Note) and "tried again" in event.message for event in events)
