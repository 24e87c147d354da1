"""Server-wide locks by name."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

import pgserver
from cancelling import at_every_await
from confiture import errors
from confiture.locks import is_pooled
from confiture.model import Target
from deaf import network

pytestmark = pytest.mark.anyio


async def test_a_held_lock_is_refused_naming_its_holder(kernel_run, database):
    """Who sees it must be able to find and end the other run."""
    named = Target(label="t", params={**database.params, "application_name": "the nightly build"})
    async with kernel_run() as run, run.lock(named, f"build {database.database}"):
        with pytest.raises(errors.Busy) as raised:
            async with run.lock(database, f"build {database.database}"):
                pass
    assert "is held by 'the nightly build' (server process " in raised.value.message
    assert "role 'postgres') since 20" in raised.value.message


async def test_a_second_run_waits_for_the_first(kernel_run, database):
    """``wait_s`` is how long; both get their turn, one after the other."""
    order = []

    async def hold(name: str, run) -> None:
        async with run.lock(database, f"build {database.database}", wait_s=60):
            order.append(f"{name} in")
            await anyio.sleep(0.05)
            order.append(f"{name} out")

    async with kernel_run() as run, anyio.create_task_group() as tasks:
        tasks.start_soon(hold, "a", run)
        tasks.start_soon(hold, "b", run)
    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


async def test_a_long_wait_is_told_with_the_holder(kernel_run, database):
    """Silence for a minute looks like a hang; who waits is told once, and by whom the lock is held."""
    key, told = f"build {database.database}", []

    async with kernel_run() as one, kernel_run(observers=[told.append]) as two, anyio.create_task_group() as tasks:

        async def wait() -> None:
            async with two.lock(database, key, wait_s=60):
                pass

        async with one.lock(database, key):
            tasks.start_soon(wait)
            with anyio.fail_after(60):
                while not told:
                    await anyio.sleep(0.05)
    (note,) = told
    assert f"the lock {key!r} is held by 'confiture " in note.message
    assert "waiting for 60 s at most" in note.message


async def test_waiting_ends_with_the_time_that_was_given(kernel_run, database):
    """The message says how long it was."""
    key = f"build {database.database}"
    async with kernel_run() as run, run.lock(database, key):
        with pytest.raises(errors.Busy, match=r"held after 0\.2 s by"):
            async with run.lock(database, key, wait_s=0.2):
                pass


async def test_a_lock_is_free_as_soon_as_its_block_ends(kernel_run, database):
    """Not when its session ends, which may stay for the run's further work, and which the server sees later."""
    async with kernel_run() as one, kernel_run() as two:
        for run in (one, two, one):
            async with run.lock(database, f"build {database.database}"):
                pass


async def test_a_lock_is_free_as_soon_as_its_block_fails(kernel_run, database, monkeypatch):
    """The session of a failed block is closed, which the server sees later: here, it does not see it at all."""
    still_open = []

    async def keep_open(connection) -> None:
        still_open.append(connection)

    async with kernel_run() as one, kernel_run() as two:
        with monkeypatch.context() as patch:
            patch.setattr("confiture.connect.close_connection", keep_open)
            with pytest.raises(ZeroDivisionError):
                async with one.lock(database, f"build {database.database}"):
                    _ = 1 / 0
            async with two.lock(database, f"build {database.database}"):
                pass
        for connection in still_open:
            await connection.close()
    assert still_open


async def test_different_names_do_not_meet(kernel_run, database):
    """Two databases are built at once."""
    async with (
        kernel_run() as run,
        run.lock(database, f"a {database.database}"),
        run.lock(database, f"b {database.database}"),
    ):
        pass


async def test_cancelling_anywhere_frees_the_lock(kernel_run, database, psql):
    """A lock that stays would block every later build."""
    key = f"build {database.database}"

    async def work():
        async with kernel_run() as run, run.lock(database, key):
            await anyio.lowlevel.checkpoint()

    async for _ in at_every_await(work):
        async with kernel_run() as run, run.lock(database, key, wait_s=30):
            pass


async def test_a_role_without_privileges_is_told_too(kernel_run, database, psql):
    """The server hides the start of other roles' sessions from it."""
    params = {**database.params, "user": pgserver.PASSWORD_ROLE, "password": pgserver.PASSWORD}
    key = f"build {database.database}"
    async with kernel_run() as run, run.lock(database, key):
        with pytest.raises(errors.Busy, match="is held by 'confiture "):
            async with run.lock(Target(label="t", params=params), key):
                pass


async def test_a_direct_connection_is_not_taken_for_a_pooled_one(kernel_run, database):
    """Else no lock would ever be taken."""
    async with kernel_run() as run, run.connect(database) as connection:
        assert not await is_pooled(connection)


async def test_a_maintenance_connection_does_not_need_the_target_to_exist(kernel_run, database):
    """Locks are taken before the database is created."""
    target = database.with_database("not made yet")
    async with kernel_run() as run, run.connect_maintenance(target) as connection:
        assert await connection.fetchval("SELECT current_database()") == "postgres"


async def test_a_lock_that_was_lost_with_the_network_is_taken_again(kernel_run, database):
    """The server holds it for who is no longer there, for hours: nobody else has it, and it is one's own."""
    key = f"build {database.database}"
    async with network(database) as way, kernel_run() as run, kernel_run() as other:
        async with run.lock(way.target, key):
            way.cut()
        async with other.lock(database, key, wait_s=60):
            pass
        async with run.lock(way.target, key):
            way.cut()
            way.closed = True
        with pytest.raises(errors.Busy, match="is held by 'confiture"):
            async with other.lock(database, key):
                pass
        way.closed = False
        async with run.lock(way.target, key):
            # What this one holds now is nothing that was lost.
            with pytest.raises(errors.Busy, match="is held by 'confiture"):
                async with run.lock(way.target, key):
                    pass
