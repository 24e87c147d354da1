"""Going on with a run: what is refused, what an attempt that ended otherwise than by a kill leaves, upserts, nonces."""

from __future__ import annotations

import random
from functools import partial

import pytest

from cancelling import cancelled_at
from confiture.errors import Busy, ConnectionLost, Refused, StatementFailed
from confiture.model import Progress, StepStarted
from confiture.transfer.identity import Position
from conftest import run_psql

pytestmark = pytest.mark.anyio


@pytest.fixture
async def failed(sync):
    """A run that failed after it had copied a part of the people."""

    def narrow(event):
        if isinstance(event, StepStarted) and event.step == "sync.rows":
            run_psql(sync.target, "ALTER TABLE people ADD CONSTRAINT narrow CHECK (id <> 885) NOT VALID")

    async def fail(**values):
        with pytest.raises(StatementFailed, match="narrow"):
            await sync(observers=[narrow], **values)
        run_psql(sync.target, "ALTER TABLE people DROP CONSTRAINT narrow")

    return fail


async def test_there_must_be_something_to_go_on_with(sync):
    """A finished run is none."""
    for _ in range(2):
        with pytest.raises(Refused, match="no unfinished run") as caught:
            await sync(resume=True)
        assert "without --resume" in str(caught.value.hint)
        if not run_psql(sync.target, "SELECT 1 FROM people LIMIT 1"):
            await sync(tables=("people",))


async def test_what_differs_from_the_run_is_named(sync, failed, monkeypatch):
    """Else a target would have rows of two kinds, and nobody would know."""
    await failed(jobs=1)
    assert run_psql(sync.target, "SELECT count(*) > 0 FROM people").strip() == "t"
    other = {
        "the tables": {"exclude": ("bare",)},
        "the subset": {"where": {"": "true"}},
        "--upsert": {"upsert": True},
        "the source": {"source": "again"},
    }
    sync.project.environment_for(sync.new_target("again"), "again")
    for name, values in other.items():
        with pytest.raises(Refused, match="asked for something else") as caught:
            await sync(resume=True, **values)
        assert name in caught.value.message
    sync.project.write("db/sync_config.yaml", sync.rules.replace("hash", "'null'"))
    with pytest.raises(Refused, match=r"something else: the rules$"):
        await sync(resume=True)
    sync.project.write("db/sync_config.yaml", sync.rules)
    with monkeypatch.context() as patch:
        patch.setenv("CONFITURE_ANONYMIZATION_KEY", "another key of more than 16 bytes")
        with pytest.raises(Refused, match=r"something else: the key \(it was [0-9a-f]{12}, and is [0-9a-f]{12}\)"):
            await sync(resume=True)
    with pytest.raises(Refused, match=r"not finished|unfinished"):
        await sync()
    await sync(resume=True)
    assert sync.contents == await sync.clean()


async def test_rules_may_move_in_their_file(sync, failed):
    """Where a rule stands, and why a column is kept, changes no row."""
    await failed(jobs=1)
    sync.project.write("db/sync_config.yaml", "# moved\n\n" + sync.rules.replace("made of n", "another reason"))
    await sync(resume=True)
    assert sync.contents == await sync.clean()


async def test_rows_that_somebody_else_wrote_are_no_part_of_it(sync, failed):
    """Of a table whose rows are not those that were recorded, all are copied anew."""
    await failed(jobs=1, tables=("people", "bare"))
    run_psql(sync.target, "DELETE FROM people WHERE id = 3; UPDATE people SET note = 'mine' WHERE id = 4")
    run_psql(sync.target, "INSERT INTO bare VALUES ('mine')")
    await sync(resume=True, tables=("people", "bare"))
    assert sync.contents == await sync.clean(tables=("people", "bare"))


def counted(sync, what: str) -> int:
    """Rows of one of sync's own tables on the target; none where it is not there yet."""
    there = run_psql(sync.target, f"SELECT to_regclass('confiture.{what.split()[0]}')")
    return int(run_psql(sync.target, f"SELECT count(*) FROM confiture.{what}")) if there else 0


async def test_cancelled_at_its_awaits(sync):
    """No session stays on either side, and no half part; in the end there is what a clean run gives."""
    chance = random.Random(5)
    begun = False
    for number in (150, *(chance.randrange(100, 700) for _ in range(5))):
        await cancelled_at(partial(sync, jobs=2, resume=begun), number)
        await sync.no_session_left()
        runs = counted(sync, "confiture_sync_runs")
        if runs and counted(sync, "confiture_sync_runs WHERE finished IS NOT NULL"):
            break
        # What --resume goes on with: a run, or what was taken off before there was one.
        begun = bool(runs or counted(sync, "confiture_sync_objects"))
    else:
        await sync(resume=begun)
    assert sync.contents == await sync.clean()


@pytest.mark.parametrize("side", ["source", "target"])
async def test_a_lost_server_is_gone_on_with(sync, side):
    """All sessions of one side end at once, as when it is restarted."""

    def cut(event):
        if isinstance(event, Progress) and event.step == "sync.rows" and 0 < event.done < 2000:
            run_psql(
                getattr(sync, side),
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()",
            )

    with pytest.raises(ConnectionLost):
        await sync(jobs=1, observers=[cut])
    await sync.no_session_left()
    await sync(resume=True)
    assert sync.contents == await sync.clean()


async def test_who_lost_the_run_cannot_write_to_it(sync):
    """A process that was thought dead goes on after another has taken over: its rows go back."""

    def take_over(event):
        if isinstance(event, Progress) and event.step == "sync.rows" and event.done:
            run_psql(sync.target, "UPDATE confiture.confiture_sync_runs SET attempt = attempt + 1")

    with pytest.raises(Busy, match="another process goes on"):
        await sync(jobs=1, observers=[take_over])
    counts = "SELECT (SELECT sum(rows) FROM confiture.confiture_sync_chunks) = (SELECT count(*) FROM people)"
    assert run_psql(sync.target, counts).strip() == "t"
    await sync(resume=True)
    assert sync.contents == await sync.clean()


async def test_masks_of_one_run_stay_the_same_when_it_is_gone_on_with(sync, failed):
    """``deterministic: false`` gives other values in each run: not in each attempt."""
    rules = "anonymize: {people: {email: {kind: hash}, note: {kind: hash, deterministic: false}}}"
    sync.project.write("db/sync_config.yaml", rules)
    await failed(jobs=1, tables=("people",))
    await sync(resume=True, tables=("people",))
    distinct = "SELECT count(DISTINCT note), count(*) FROM people"
    assert run_psql(sync.target, distinct) == run_psql(sync.source, distinct)
    assert run_psql(sync.target, "SELECT count(*) FROM people WHERE note LIKE 'nn%'").strip() == "0"


async def test_an_upsert_is_gone_on_with(sync, failed):
    """Rows that were there and are not in the source stay; what changed meanwhile is replaced again."""
    run_psql(sync.target, "INSERT INTO people VALUES (7, NULL, 'old', 'old'), (5000, NULL, 'mine', 'mine')")
    await failed(jobs=1, upsert=True, tables=("people",))
    run_psql(sync.source, "UPDATE people SET note = 'newer' WHERE id = 3")
    await sync(resume=True, upsert=True, tables=("people",))
    same = "SELECT id, boss, note FROM people WHERE id < 5000 ORDER BY 1"
    assert run_psql(sync.target, same) == run_psql(sync.source, same)
    assert run_psql(sync.target, "SELECT note FROM people WHERE id = 5000").strip() == "mine"


@pytest.mark.parametrize(
    ("now", "standby", "follows"),
    [
        ("100:100:", False, True),
        ("120:130:125", False, True),
        ("90:130:90", False, False),  # it may not see what the older one saw
        ("100:99:", False, False),
        ("100:130:", True, False),  # a standby knows nothing of what was running
        ("110:130:", True, True),
        (f"{2**31 + 200}:{2**31 + 200}:", False, False),  # rows' numbers have 32 bits
    ],
)
def test_which_snapshots_may_be_compared(now, standby, follows):
    """The older one is of transactions up to 100 that are over, and up to 110 that may not be."""
    xmin, xmax = (int(part) for part in now.split(":")[:2])
    position = Position(snapshot=now, xmin=xmin, xmax=xmax, standby=standby)
    assert position.may_follow("100:110:104") is (follows and xmax >= 110)
