"""An engine of somebody else's: it is asked by its name, and what it does not know is known of it all the same."""

from __future__ import annotations

import pytest

from confiture.errors import ConnectionLost
from confiture.hooks import Provider, hookimpl
from confiture.registry import Registry
from confiture_copy.engine import CopyEngine
from conftest import run_psql

pytestmark = pytest.mark.anyio


class Forgetful:
    """Copies, and loses the connection once before it knows that it did."""

    def __init__(self) -> None:
        self.lost: set[str] = set()

    def accepts(self, task, masks=()):
        return task.snapshot is None

    async def transfer(self, ctx, task, masks=()):
        report = await CopyEngine().transfer(ctx, task, masks)
        if task.table not in self.lost:
            self.lost.add(task.table)
            raise ConnectionLost("the connection to the server was lost")
        return report


class Plugin:
    API_VERSION = 1

    @hookimpl
    def confiture_transfer_engines(self):
        yield Provider(name="forgetful", target=f"{__name__}:Forgetful", summary="the test's")


async def test_a_commit_that_nobody_heard_of_is_not_made_twice(move):
    """Whether it came to its end is what the state says, which was written with the rows."""
    registry = Registry()
    registry.register(Plugin(), "forgetful")
    report = await move(registry=registry, strategy="forgetful")
    assert move.contents == move.expected
    assert report.rows == sum(int(line.partition("|")[0]) for line in move.expected.values())
    assert {engine for table in report.tables for engine in table.engines} == {"forgetful"}
    # It cannot use a snapshot, so that a table without a key is one chunk.
    assert {table.table: table.chunks for table in report.tables}["public.bare"] == 1
    assert run_psql(move.target, "SELECT DISTINCT engine FROM confiture.confiture_move_parts") == "forgetful"
