"""A run that was killed and gone on with comes to what one clean run comes to, whatever the source did meanwhile."""

from __future__ import annotations

import random

import pytest

from confiture.model import StepFinished
from conftest import run_psql

pytestmark = pytest.mark.anyio

#: About as many events as a run of two workers has, from the first row on.
EVENTS = 80
#: Each statement is about one table, so that nothing hides what is not seen.
CHANGES = {
    "nothing": (),
    "rows moved": (
        "UPDATE people SET note = 'new' WHERE id % 450 = 7",
        "ALTER TABLE logs DETACH PARTITION logs_a; DROP TABLE logs_a; "
        "CREATE TABLE logs_0 PARTITION OF logs FOR VALUES FROM (-10) TO (0); INSERT INTO logs VALUES (-1, 1, 'first')",
        # As many rows in each part as before, and others.
        "CLUSTER alike USING alike_pkey; DELETE FROM alike WHERE id = 1",
        "DELETE FROM bare WHERE ctid = '(0,3)'; INSERT INTO bare VALUES ('another')",
    ),
    "rows as many": (
        # A savepoint's rows have a number of their own, above that of the transaction.
        "BEGIN; SAVEPOINT a; UPDATE people SET note = 'saved' WHERE id < 9; RELEASE a; COMMIT",
        "UPDATE logs SET at = 1000 - at WHERE at % 100 = 3",
        """DELETE FROM "My ""T.x"" s" WHERE "Id" = 5""",
        "UPDATE bare SET v = upper(v)",
    ),
    "rows less and more": (
        "INSERT INTO people SELECT n, 1, 'p' || n, NULL FROM generate_series(2001, 2100) AS n",
        "DELETE FROM logs WHERE who = 5",
        "TRUNCATE bare",
        "INSERT INTO no_rows VALUES (1)",
    ),
}


@pytest.mark.parametrize("changes", CHANGES)
async def test_what_the_source_did_meanwhile_is_seen(sync, changes):
    """All was copied, and the run killed before its end. Judged by a clean run, and by psql."""
    await sync.settle()
    await sync.kill(at="sync.analyze", jobs=2)
    for statement in CHANGES[changes]:
        run_psql(sync.source, statement)
    events = []
    report = await sync(resume=True, observers=[events.append])
    assert report.resumed
    assert sync.contents == await sync.clean()
    await sync.no_session_left()
    (summary,) = [e.summary for e in events if isinstance(e, StepFinished) and e.step == "sync.compare"]
    kept, copied = (int(word) for word in summary.split() if word.isdigit())
    assert copied > 20
    assert kept == copied if changes == "nothing" else 0 < kept < copied


@pytest.mark.parametrize("seed", range(2))
async def test_killed_anywhere_and_gone_on_with(sync, seed):
    """Several times in one run, if need be, while the source goes on."""
    chance = random.Random(seed)
    jobs = chance.choice((1, 2, 3))
    await sync.kill(at=chance.randrange(1, EVENTS), jobs=jobs)
    run_psql(sync.source, "UPDATE people SET note = 'new' WHERE id % 90 = 7; DELETE FROM logs WHERE at > 790")
    if seed % 2:
        await sync.kill(at=chance.randrange(1, 20), jobs=jobs, resume=True)
    await sync(resume=True, jobs=jobs)
    assert sync.contents == await sync.clean()
    assert run_psql(sync.target, "SELECT count(*) FROM confiture.confiture_sync_chunks").strip() == "0"


async def test_a_transaction_that_was_under_way_is_seen(sync, kernel_run):
    """A savepoint's number is in no list of what was running when the snapshot was taken."""
    async with kernel_run(sync.project, database=sync.source) as run, run.connect(sync.source) as writer:
        await writer.execute("BEGIN; SAVEPOINT a; UPDATE bare SET v = upper(v); RELEASE a")
        # Later ones are over by then, so that the snapshot ends above the savepoint.
        run_psql(sync.source, "CREATE TABLE later (); DROP TABLE later")
        await sync.kill(at="sync.analyze", jobs=1)
        await writer.execute("COMMIT")
    await sync(resume=True)
    assert sync.contents == await sync.clean()


async def test_a_subset_is_gone_on_with(sync):
    """Rows that left the selection go, those that came into it come; what stays in it is not copied again."""
    subset = {
        "tables": ("people", "logs", "alike"),
        "where": {"people": "id BETWEEN 200 AND 600 OR note = 'new'", "alike": "id < 400"},
        "children": ("logs.who",),
    }
    await sync.settle()
    await sync.kill(at="sync.analyze", jobs=2, **subset)
    run_psql(sync.source, "UPDATE people SET note = 'new' WHERE id = 850; DELETE FROM logs WHERE at = 300")
    events = []
    await sync(resume=True, observers=[events.append], **subset)
    assert sync.contents == await sync.clean(**subset)
    assert run_psql(sync.target, "SELECT count(*) FROM people WHERE id = 850").strip() == "1"
    (summary,) = [e.summary for e in events if isinstance(e, StepFinished) and e.step == "sync.compare"]
    assert int(summary.split()[0]) >= 3
