"""Temporary databases: gone at the end, after a cancellation, after a kill; never another run's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pgserver
from cancelling import at_every_await
from confiture import errors
from confiture.model import Target
from confiture.temporary import TEMPORARY_PREFIX, copy_strategy, sweep, temporary_database

pytestmark = pytest.mark.anyio

#: Purposes are part of the name: each test counts its own.
COUNT = "SELECT count(*) FROM pg_database WHERE datname LIKE '{prefix}{purpose}%'"


def left(psql, server, purpose: str) -> int:
    return int(psql(server, COUNT.format(prefix=TEMPORARY_PREFIX, purpose=purpose)))


async def test_it_exists_for_the_block_and_no_longer(kernel_run, server, psql):
    """Also when somebody else is connected to it at the end."""
    async with kernel_run() as run, temporary_database(run, server, "plain") as (target, _):
        assert target.database.startswith(f"{TEMPORARY_PREFIX}plain_")
        assert psql(target, "SELECT current_database()") == target.database
        hanger_on = run.connect(target)
        await hanger_on.__aenter__()
        assert left(psql, server, "plain") == 1
    assert left(psql, server, "plain") == 0


async def test_where_nothing_is_synced_files_are_copied(kernel_run, server, psql):
    """Also on a server of somebody else's: the checkpoints that it takes cost nothing there."""
    assert psql(server, "SHOW fsync") == "off"
    async with kernel_run() as run, run.connect(server) as connection:
        assert await copy_strategy(connection, server) == "STRATEGY file_copy"


async def test_it_is_dropped_when_the_block_fails(kernel_run, server, psql):
    """The error is the caller's own."""
    with pytest.raises(ZeroDivisionError):
        async with kernel_run() as run, temporary_database(run, server, "fails"):
            _ = 1 / 0
    assert left(psql, server, "fails") == 0


async def test_one_that_was_renamed_away_stays(kernel_run, server, psql):
    """That is how a build puts its result in place."""
    async with kernel_run() as run, temporary_database(run, server, "renamed") as (target, guard):
        name = target.database.removeprefix(TEMPORARY_PREFIX)
        await guard.execute(f'ALTER DATABASE "{target.database}" RENAME TO "{name}"')
    assert psql(server, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == "1"
    psql(server, f'DROP DATABASE "{name}"')


async def test_cancelling_anywhere_leaves_none(kernel_run, server, psql):
    """Also in the middle of CREATE DATABASE, which may come through all the same."""

    async def work():
        async with kernel_run(database=server) as run, temporary_database(run, server, "cancelled"):
            pass

    count = 0
    async for number in at_every_await(work):
        count = number
        assert left(psql, server, "cancelled") == 0  # each time: the next run would sweep it away
    assert count > 10


KILLED = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from confiture.kernel import Kernel
from confiture.model import Target
from confiture.registry import Registry
from confiture.config import Environment
from confiture.temporary import temporary_database

async def main():
    server = Target(label="t", params=json.loads(sys.argv[1]))
    kernel = Kernel(Path(sys.argv[2]), registry=Registry(entry_points=()))
    async with kernel.run(environment=Environment(name="local")) as run:
        async with temporary_database(run, server, sys.argv[4]) as (target, _):
            print(target.database, flush=True)
            await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.fixture
def other_run(server, project, psql):
    """Another process that holds a temporary database open; its name and process."""
    started, names = [], []

    def start(purpose: str) -> tuple[str, subprocess.Popen[str]]:
        arguments = [json.dumps(dict(server.params)), str(project.root), str(Path(__file__).parent), purpose]
        process = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        names.append(process.stdout.readline().strip())
        return names[-1], process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
    for name in names:  # the next run of whoever comes would drop it; other tests wait for that
        psql(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def test_the_next_run_drops_what_a_killed_one_left(kernel_run, server, psql, other_run):
    """SIGKILL lets nobody clean up; the server releases the guard's lock when it sees the end of the session."""
    name, process = other_run("killed")
    assert left(psql, server, "killed") == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    async with kernel_run(database=server) as run:
        while left(psql, server, "killed") and time.monotonic() < deadline:
            async with temporary_database(run, server, "next"):
                pass
    assert left(psql, server, "killed") == 0, name


async def test_what_a_living_run_holds_is_never_swept(kernel_run, server, psql, other_run):
    """Its build would fail half-way, for no reason that it could see."""
    name, _ = other_run("living")
    async with kernel_run(database=server) as run, run.connect_maintenance(server) as connection:
        assert name not in await sweep(run, connection)
    assert left(psql, server, "living") == 1


async def test_a_role_that_may_not_create_databases_is_told(kernel_run, server):
    """With what to grant, and without anything touched."""
    params = {**server.params, "user": pgserver.PASSWORD_ROLE, "password": pgserver.PASSWORD}
    with pytest.raises(errors.PermissionMissing, match="may not create databases") as raised:
        async with kernel_run(database=server) as run, temporary_database(run, Target(label="t", params=params), "x"):
            pass
    assert "CREATEDB" in raised.value.hint


async def test_a_scratch_database_lives_where_the_configuration_says(kernel_run, server, project, psql):
    """``[scratch] url`` names a server of the user's own."""
    from confiture.config.dsn import to_uri

    project.config(f"[scratch]\nurl = '{to_uri(server.params)}'\n")
    async with kernel_run(project, database=server) as run, run.scratch("mine") as target:
        assert psql(target, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == "0"
        assert left(psql, server, "mine") == 1
    assert left(psql, server, "mine") == 0
