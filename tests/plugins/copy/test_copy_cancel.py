"""A transfer that is cancelled, at whatever point, leaves no session and no row."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from cancelling import at_every_await
from confiture.model import Mask, Statement
from confiture_copy import pumping

pytestmark = pytest.mark.anyio

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"


async def nothing_left(psql, source, target) -> str:
    """Waits for the last session to go; what is in the target."""
    with anyio.fail_after(20):
        for place in (source, target):
            while psql(place, SESSIONS.format(place.database)) != "0":
                await anyio.sleep(0.01)
    return psql(target, "SELECT count(*) FROM t")


async def test_cancelled_at_every_await_of_its_own(transfer, both, psql, source, target):
    """From the first connection to the last commit."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, "INSERT INTO t SELECT n, 'x' FROM generate_series(1, 2000) AS n")
    around = (Statement(sql="SELECT 1"),)
    found = []

    async def work() -> None:
        await transfer("id, v", before=around, after=around)

    async for _ in at_every_await(work):
        found.append(await nothing_left(psql, source, target))
        psql(target, "TRUNCATE t")
    assert len(found) > 20
    assert found[-1] == "2000"
    # From the commit on there are all rows, and there are never some.
    assert found == ["0"] * found.count("0") + ["2000"] * found.count("2000")


@pytest.mark.parametrize("where", ["filling", "emptying"])
async def test_cancelled_at_every_piece(transfer, both, psql, source, target, where, monkeypatch):
    """While one side waits for the other, whichever it is: hit as a piece goes in, or comes out."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, "INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 4000) AS n")
    name = "__call__" if where == "filling" else "__anext__"
    whole = getattr(pumping.Pipe, name)
    state = {"count": 0, "at": 0, "scope": None}

    async def cancelling(self, *arguments):
        state["count"] += 1
        if state["count"] == state["at"]:
            state["scope"].cancel()
            await anyio.lowlevel.checkpoint()
        return await whole(self, *arguments)

    monkeypatch.setattr(pumping.Pipe, name, cancelling)
    monkeypatch.setattr(pumping, "_WAITING_BYTES", 100_000)
    for number in range(1, 100):
        with anyio.CancelScope() as scope:
            state.update(count=0, at=number, scope=scope)
            await transfer("id, v", masks=[Mask(column="id", function=lambda value: value)])
        assert await nothing_left(psql, source, target) == ("0" if scope.cancel_called else "4000")
        if not scope.cancel_called:
            break
    assert number > 10


@pytest.mark.parametrize("after_s", [0.05, 0.2, 0.5])
async def test_cancelled_in_time(transfer, both, psql, source, target, after_s):
    """While the source thinks, and while the target does."""
    both("CREATE TABLE t (id int, v text)")
    slow = "SELECT n, repeat('x', 2000) || pg_sleep(0.001)::text FROM generate_series(1, 100000) AS n"
    fast = "SELECT n, repeat('x', 2000) FROM generate_series(1, 10000000) AS n"
    for query in (slow, fast):
        with anyio.move_on_after(after_s) as scope:
            await transfer("id, v", query=query)
        assert scope.cancelled_caught
        assert await nothing_left(psql, source, target) == "0"
