"""A server that nobody uses ends itself; one in use does not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from confiture.config import Environment
from confiture.hooks import SERVER
from confiture_embedded import cluster
from confiture_embedded.layout import existing_home

pytestmark = pytest.mark.anyio

LOCAL = Environment(name="local")
#: 0.6 seconds, looked at every 0.1.
SOON = "[embedded]\nidle_minutes = 0.01\nscratch_idle_minutes = 0.01\nidle_check_seconds = 0.1\n"
#: 1.2 seconds, and what is surely less.
LATER, LESS_S = SOON.replace("0.01", "0.02"), 1.0


def server_of(root: Path) -> cluster.Postmaster | None:
    home = existing_home(root / ".confiture" / "server")
    return None if home is None else cluster.running(home)


def watchers(processes, root: Path) -> list[int]:
    found = []
    for pid in processes(root):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended since it was listed
            if b"watch.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def the_watcher(processes, root: Path) -> int | None:
    """The one watcher, where one reading finds one: a process that becomes another program has no arguments then."""
    found = watchers(processes, root)
    return found[0] if len(found) == 1 else None


async def test_an_idle_server_ends_itself_and_its_watcher(own_project, server_run, processes, eventually):
    (own_project / "confiture.toml").write_text(SOON)
    async with server_run(own_project) as run:
        await run.target()
    eventually(lambda: not processes(own_project))
    assert not (own_project / ".confiture" / "server" / "data" / "postmaster.pid").exists()


async def test_an_idle_scratch_server_ends_itself(own_project, fast_dir, server_run, processes, eventually):
    (own_project / "confiture.toml").write_text(SOON)
    async with server_run(own_project) as run:
        await run.target(Environment(name="scratch", server="embedded"))
    eventually(lambda: not processes(fast_dir / "cache"))


async def test_a_server_with_a_client_is_not_stopped(own_project, server_run, eventually):
    """However idle the client is: a debugger may sit in a transaction for an hour."""
    (own_project / "confiture.toml").write_text(SOON)
    async with server_run(own_project) as run:
        target = (await run.target()).with_database("postgres")
        async with run.connect(target) as connection:
            server = server_of(own_project)
            await anyio.sleep(2.5)  # four times the idle time; the event loop has nothing to do
            assert await connection.fetchval("SELECT 1") == 1
            assert server_of(own_project) == server
    eventually(lambda: server_of(own_project) is None)


async def stays(root: Path, use: Callable[[], Awaitable[None]]) -> bool:
    """Whether the server is the same after it was in use again and again, for three times its idle time.

    A machine that stood still for as long as that did not use it: then from the beginning.
    """
    deadline = time.monotonic() + 120
    await use()
    while time.monotonic() < deadline:
        began = last = time.monotonic()
        await use()
        server, longest = server_of(root), 0.0
        while last - began < 3 * 1.2:
            await anyio.sleep(0.25)
            last, before = time.monotonic(), last
            await use()
            longest = max(longest, time.monotonic() - before)  # what lies between two uses is shorter
        same = server_of(root) == server
        if max(longest, time.monotonic() - last) < LESS_S:
            return same
    raise AssertionError("the machine stood still again and again")


async def test_clients_that_come_and_go_between_two_looks_are_seen(own_project, server_run):
    """A test suite connects for milliseconds at a time."""
    (own_project / "confiture.toml").write_text(LATER)
    async with server_run(own_project) as run:
        target = (await run.target()).with_database("postgres")

        async def use() -> None:
            async with run.connect(target) as connection:
                await connection.fetchval("SELECT 1")

        assert await stays(own_project, use)


async def test_asking_for_the_server_keeps_it(own_project, server_run):
    """A run that has asked for the server and not connected yet must find it."""
    (own_project / "confiture.toml").write_text(LATER)
    async with server_run(own_project) as run:

        async def use() -> None:
            await run.get(SERVER, "embedded").acquire(run, LOCAL)

        assert await stays(own_project, use)


async def test_zero_idle_minutes_keep_the_server_for_ever(own_project, server_run):
    (own_project / "confiture.toml").write_text("[embedded]\nidle_minutes = 0\nidle_check_seconds = 0.05\n")
    async with server_run(own_project) as run:
        await run.target()
        await anyio.sleep(1)
        status = await run.get(SERVER, "embedded").status(run, LOCAL)
    assert (status.state, status.idle_minutes) == ("running", None)


async def test_there_is_one_watcher_and_a_killed_one_is_replaced(own_project, server_run, processes, eventually):
    async with server_run(own_project) as run:
        await run.target()
        await run.get(SERVER, "embedded").acquire(run, LOCAL)
        first = eventually(lambda: the_watcher(processes, own_project))
        os.kill(first, signal.SIGKILL)
        eventually(lambda: not watchers(processes, own_project))
        with anyio.fail_after(60):  # the lock of a process that dies is free a moment after its arguments are gone
            while the_watcher(processes, own_project) is None:
                await run.get(SERVER, "embedded").acquire(run, LOCAL)
                await anyio.sleep(0.05)


async def test_a_restarted_server_is_watched(own_project, server_run, processes, eventually):
    """The watcher of the old server may still be there when the new one starts."""
    (own_project / "confiture.toml").write_text(SOON)
    async with server_run(own_project) as run:
        for _ in range(3):
            await run.get(SERVER, "embedded").acquire(run, LOCAL)
            await run.get(SERVER, "embedded").stop(run, LOCAL)
        await run.get(SERVER, "embedded").acquire(run, LOCAL)
    eventually(lambda: not processes(own_project))


async def test_the_watcher_does_not_run_as_root(own_project, server_run, processes, eventually):
    async with server_run(own_project) as run:
        await run.target()
        pid = eventually(lambda: the_watcher(processes, own_project))
        eventually(lambda: Path(f"/proc/{pid}").stat().st_uid != 0)
