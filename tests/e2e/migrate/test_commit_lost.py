"""The connection ends at a COMMIT: whether it took place is found out, and not guessed."""

from __future__ import annotations

import pytest

from confiture.errors import ConnectionLost, OutcomeUnknown, StatementFailed
from confiture_incremental import running

pytestmark = pytest.mark.anyio

TWO = {
    "001_a.up.sql": "CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\n",
    "002_b.up.sql": "CREATE TABLE b (id int);\n",
}
ROWS = "SELECT version || ' ' || state || ' ' || statements FROM confiture.confiture_migrations ORDER BY id"
MESSAGE = "SELECT message FROM confiture.confiture_migrations WHERE state <> 'applied' ORDER BY id DESC LIMIT 1"


class Once:
    """Cuts at the first message that holds ``text``, and lets everything through from then on."""

    def __init__(self, wire, text, action):
        self._wire, self._text, self._action = wire, text, action
        wire.reopens = True
        wire.arm(self)

    def __call__(self, number, text):
        if self._text in text and not self._wire.reached.is_set():
            return self._action
        return "pass"


#: The message that holds the COMMIT, with ``--single-transaction`` and without.
COMMIT = {False: "INSERT INTO a", True: "CREATE TABLE b"}


@pytest.fixture
def two(project):
    for name, text in TWO.items():
        project.write(f"db/migrations/{name}", text)
    return project


async def up(project, kernel_run, target, **values):
    notes = []
    async with kernel_run(project, database=target, observers=[notes.append]) as run:
        return await run.start("up", **values), notes


@pytest.mark.parametrize("action", ["during", "after"])
@pytest.mark.parametrize("single", [False, True])
async def test_a_commit_that_arrived_is_seen_and_the_run_goes_on(two, wire, kernel_run, database, psql, action, single):
    """``during``: the server is still at it when the client is back, and is waited for."""
    Once(wire, COMMIT[single], action)
    report, notes = await up(two, kernel_run, wire.target, single_transaction=single)
    assert wire.reached.is_set()
    assert [one.version for one in report.migrations] == ["001", "002"]
    assert psql(database, ROWS).split("\n") == ["001 applied 2", "002 applied 1"]
    assert psql(database, "SELECT count(*) FROM a, pg_class WHERE relname = 'b'") == "1"
    told = [note.message for note in notes if "had taken place" in getattr(note, "message", "")]
    assert len(told) == 1


@pytest.mark.parametrize("single", [False, True])
async def test_a_commit_that_did_not_arrive_is_told_and_taken_up_again(two, wire, kernel_run, database, psql, single):
    Once(wire, COMMIT[single], "before")
    with pytest.raises(ConnectionLost, match=r"it did not take place, nothing of it is left"):
        await up(two, kernel_run, wire.target, single_transaction=single)
    assert psql(database, "SELECT to_regclass('a')") == ""
    assert "the connection was lost" in psql(database, MESSAGE)
    await up(two, kernel_run, wire.target)
    assert psql(database, f"{ROWS} OFFSET 1").split("\n") == ["001 applied 2", "002 applied 1"]


async def test_what_is_half_way_says_how_far_it_came(project, wire, kernel_run, database, psql):
    project.write("db/migrations/001_a.up.sql", "CREATE TABLE a (id int);\nVACUUM a;\nCREATE TABLE b ();\n")
    Once(wire, "VACUUM", "before")
    with pytest.raises(ConnectionLost, match=r"001 \(a\) ran: it did not take place, 1 of its statements are done"):
        await up(project, kernel_run, wire.target)
    assert psql(database, ROWS).split("\n")[-1] == "001 started 1"
    report, _ = await up(project, kernel_run, wire.target)
    assert report.migrations[0].resumed_at == 2


async def test_where_nobody_can_tell_nothing_is_claimed(two, wire, kernel_run, database, psql, monkeypatch):
    """The server does not come back: the run says so, and the next one finds out."""
    monkeypatch.setattr(running, "_RECONNECT_S", 0.0)
    wire.arm(lambda number, text: "after" if "INSERT INTO a" in text else "pass")
    with pytest.raises(ConnectionLost, match="nobody can tell yet whether it took place"):
        await up(two, kernel_run, wire.target)
    report, _ = await up(two, kernel_run, database)
    assert [one.version for one in report.migrations] == ["002"]
    assert psql(database, "SELECT count(*) FROM a") == "1"


async def test_an_attempt_that_was_cut_is_not_taken_for_the_one_that_failed(
    project, wire, kernel_run, database, psql, monkeypatch
):
    """The first CALL failed, as the server said. Nobody saw the second one end."""
    monkeypatch.setattr(running, "_RECONNECT_S", 0.0)
    psql(database, "CREATE TABLE log (); CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1 / 0'")
    call = 'def up(self):\n        self.execute("CALL p()", transactional=False)\n'
    text = "from confiture.models.migration import Migration\n\n\nclass M(Migration):\n    version, name = '001', 'a'\n"
    project.write("db/migrations/001_a.py", f"{text}\n    {call}")
    with pytest.raises(StatementFailed):
        await up(project, kernel_run, database)
    psql(database, "CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS 'INSERT INTO log DEFAULT VALUES'")
    wire.arm(lambda number, text: "after" if "CALL" in text else "pass")
    with pytest.raises(ConnectionLost):
        await up(project, kernel_run, wire.target)
    with pytest.raises(OutcomeUnknown):
        await up(project, kernel_run, database)
    assert psql(database, "SELECT count(*) FROM log") == "1"
