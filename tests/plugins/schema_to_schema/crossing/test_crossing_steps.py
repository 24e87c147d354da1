"""Killed, or cut off from a database, at each step: no moment has two live sides, and no row is lost. By plain SQL."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import ConnectionLost
from confiture.model import StepStarted
from conftest import run_psql
from plugins.schema_to_schema.crossing.conftest import kill

pytestmark = pytest.mark.anyio

#: Up to the decision. By the end of ``validate`` nothing was begun.
BEFORE = ("gate", "catch-up", "validate", "prepare", "lock", "drain", "sequences", "check", "forget", "fence")
AFTER = (("open", "Started"), ("open", "Finished"), ("complete", "Started"), ("complete", "Finished"))
WAYS = (("cutover", "old", "new"), ("rollback", "new", "old"))
CUT = (
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name LIKE 'confiture %'"
    " AND datname = current_database()"
)
NAMES = ("production", "production_new")
OID = "SELECT oid FROM pg_database WHERE datname = current_database()"
NAME = "SELECT datname FROM pg_database WHERE oid = {}"


class Ledger:
    """Rows that somebody was told are committed, on whichever side took them."""

    def __init__(self, moved: Any) -> None:
        self.moved = moved
        self.taken: list[int] = []
        self._number = 10_000
        self._oids = [run_psql(place, OID) for place in (moved.source, moved.target)]

    def places(self) -> list[Any]:
        """The old one and the new one, whatever they are called by now."""
        names = [run_psql(self.moved.admin.with_database("postgres"), NAME.format(oid)) for oid in self._oids]
        return [self.moved.source.with_database(name) for name in names]

    async def sides(self) -> str:
        """Which side takes a row: ``old``, ``new`` or none. One that does not says SQLSTATE 25006."""
        found = []
        for side, place in zip(("old", "new"), self.places(), strict=True):
            self._number += 1
            connection = await asyncpg.connect(to_uri(place.params, password=True))
            try:
                await connection.execute("INSERT INTO notes VALUES ($1, 1, 'told')", self._number)
            except asyncpg.ReadOnlySQLTransactionError:
                continue
            else:
                found.append(side)
                self.taken.append(self._number)
            finally:
                await connection.close()
        return " and ".join(found)

    async def is_live(self, side: str) -> bool:
        """Whether status says so, and it takes rows, and the other one does not."""
        return ((await self.moved.start("-status")).live, await self.sides()) == (side, side)

    def kept(self) -> bool:
        """Both sides have all rows of the ledger, and are the same."""
        old, new = self.places()
        asked = f"SELECT count(*) FROM notes WHERE id = ANY ('{{{','.join(map(str, self.taken))}}}')"
        assert [run_psql(place, asked) for place in (old, new)] == [str(len(self.taken))] * 2
        return self.moved.same(old, new)


async def test_killed_at_each_step(moved):
    """Of a cutover and of a rollback: nothing has happened before the decision; the rest is made up for after it."""
    ledger = Ledger(moved)
    for medium, before, after in WAYS:
        for step in BEFORE if medium == "cutover" else ("drain",):  # the same protocol: cut off at each step below
            await kill(moved, medium, step, "Started")
            assert await ledger.sides() == before, step
            if step in ("prepare", "sequences"):  # otherwise who crosses next does the same
                assert (await moved.start("-settle")).live == before
                assert await ledger.is_live(before)
        await kill(moved, medium, "fence", "Finished")
        assert await ledger.is_live(before)
        await kill(moved, medium, "decide", "Finished")
        assert (await moved.start("-status")).live == after
        assert await ledger.sides() == ""
        assert (await moved.start("-settle")).live == after
        assert await ledger.sides() == after
    for (step, event), ended_by in zip(AFTER, ("cutover", "settle", "settle", "rollback"), strict=True):
        medium, _, live = WAYS[AFTER.index((step, event)) % 2]
        await kill(moved, medium, step, event)
        assert (await moved.start("-status")).live == live
        assert await ledger.sides() == (live if step == "complete" or event == "Finished" else "")
        assert (await moved.start(f"-{ended_by}")).live == live
        assert await ledger.sides() == live
    assert (await moved.start("-cutover")).live == "new"
    assert ledger.kept()


async def test_killed_with_a_switch(moved):
    """Applications that were held are let go; what was not led to the live side is; names tell nothing."""
    ledger, told = Ledger(moved), moved.project.root / "told"
    script = moved.project.write("switch.sh", '#!/bin/sh\necho "$CONFITURE_STEP" >> told\n')
    script.chmod(0o755)
    steps = "".join(f'{step} = ["./switch.sh"]\n' for step in ("hold", "switch", "release"))
    moved.project.config(f"{(moved.project.root / 'confiture.toml').read_text()}\n[command]\n{steps}")
    await kill(moved, "cutover", "hold", "Finished", switch="command")
    assert (await ledger.sides(), told.read_text().split()) == ("old", ["hold"])
    assert (await moved.start("-settle")).live == "old"
    assert told.read_text().split() == ["hold", "release"]
    await kill(moved, "cutover", "switch", "Finished", switch="command")
    assert (await moved.start("-settle")).live == "new"
    assert told.read_text().split()[2:] == ["hold", "switch", "switch", "release"]
    assert await ledger.is_live("new")
    for number, (step, event) in enumerate((("switch", "Started"), ("switch", "Finished"), ("complete", "Finished"))):
        medium, _, live = WAYS[number - 1]
        await kill(moved, medium, step, event, switch="rename")
        assert await ledger.is_live(live)
        assert (await moved.start("-settle")).live == live
        assert await ledger.is_live(live)
        # Applications go on by the name that they have used since the cutover.
        assert ledger.places()[live == "new"].database == moved.target.database
    assert (await moved.start("-cutover", switch="rename")).live == "new"
    assert ledger.kept()
    left = ledger.places()[0].database
    run_psql(moved.source.with_database("postgres"), f'ALTER DATABASE "{left}" RENAME TO "{moved.source.database}"')


class Cutter:
    """Ends the tool's sessions of a database, once, when it has begun a step and asks that database for something."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._at, self._place = "", ""
        self._armed = False
        self.cuts = 0
        for name in ("execute", "fetch", "fetchrow", "fetchval"):
            monkeypatch.setattr(asyncpg.Connection, name, self._cutting(getattr(asyncpg.Connection, name)))

    def aim(self, at: str, place: Any) -> None:
        self._at, self._place = f"schema-to-schema.{at}", place

    def __call__(self, event: object) -> None:
        if isinstance(event, StepStarted) and event.step == self._at:
            self._armed, self._at = True, ""

    def _cutting(self, ask: Any) -> Any:
        async def cut(connection: Any, *words: Any, **values: Any) -> Any:
            if self._armed and connection._params.database == self._place.database:
                self._armed = False
                self.cuts += int(run_psql(self._place, CUT)) > 0
            return await ask(connection, *words, **values)

        return cut


async def test_cut_off_at_each_step(moved, monkeypatch):
    """From the one database or the other: what was not decided is taken back at once, what was is made up for."""
    ledger, cutter = Ledger(moved), Cutter(monkeypatch)
    for turn, (medium, before, _) in enumerate(WAYS):
        steps = ("lock", "drain", "fence") if medium == "cutover" else BEFORE
        for number, step in enumerate(steps):
            cutter.aim(f"{medium}.{step}", (moved.source, moved.target)[number % 2])
            with pytest.raises(ConnectionLost, match=f"nothing was decided.*'{NAMES[turn]}'"):
                await moved.start(f"-{medium}", observers=[cutter])
            assert await ledger.sides() == before, step
        assert {each.outcome for each in (await moved.start("-status")).crossings[4 * turn :]} == {"given up"}
        await _made_up_for(moved, ledger, cutter, (("open", moved.target), ("open", moved.source))[turn], turn)
    await _made_up_for(moved, ledger, cutter, ("complete", moved.source), 0)
    await _made_up_for(moved, ledger, cutter, ("complete", moved.target), 1)
    assert cutter.cuts == 3 + len(BEFORE) + 4
    assert (await moved.start("-cutover")).live == "new"
    assert ledger.kept()


async def _made_up_for(moved, ledger, cutter, at, turn) -> None:
    medium, _, after = WAYS[turn]
    cutter.aim(f"{medium}.{at[0]}", at[1])
    assert (await moved.start(f"-{medium}", observers=[cutter])).live == after
    assert await ledger.is_live(after)
