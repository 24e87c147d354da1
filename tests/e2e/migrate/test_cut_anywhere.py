"""The client goes away at each message that changes something, and the next ``up`` goes on from there.

One database is cut again and again, each time at the first message at which it was not cut before; in the end it is
what an undisturbed run makes of it.
"""

from __future__ import annotations

import pytest

from confiture.errors import DatabaseConnectionError
from confiture_incremental import running

pytestmark = pytest.mark.anyio

#: What only reads, sets the session, or takes or gives back a lock: to be cut there is to be cut at what comes next.
_CHANGES_NOTHING = ("SELECT", "WITH", "SET ", "BEGIN;", "ROLLBACK", "RESET", "\nSELECT", "\nWITH")


@pytest.fixture(autouse=True)
def _nobody_comes_back(monkeypatch):
    """The client is gone: it does not look for the server again."""
    monkeypatch.setattr(running, "_RECONNECT_S", 0.0)


class Cuts:
    """Decides: the first message that changes something and was not cut yet is, each in another way than the last."""

    def __init__(self, first):
        self._first = first
        self.run_id = ""
        self.keys = set()

    def __call__(self, number, text):
        sql = text[5:] if text.startswith("Q") else text[5:].lstrip("\0")
        if sql.startswith(_CHANGES_NOTHING) or not sql.strip("\0"):
            return "pass"
        # The same row has another run, and another duration, each time.
        key = sql.replace(self.run_id, "").partition("interval '")[0]
        if key in self.keys:
            return "pass"
        self.keys.add(key)
        return ("before", "during", "after")[(self._first + len(self.keys)) % 3]


@pytest.mark.parametrize("first", [0])  # 1 and 2 hold as well, and take as long again
async def test_what_was_cut_at_every_message_comes_out_right(history, wire, kernel_run, undisturbed, database, first):
    cuts = Cuts(first)
    lost = 0
    for _ in range(200):
        try:
            async with kernel_run(history, database=wire.target) as run:
                cuts.run_id = run.run_id
                wire.arm(cuts)
                await run.start("up")
                break
        except DatabaseConnectionError:
            lost += 1
    assert lost > 30
    undisturbed(database)
