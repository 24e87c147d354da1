"""Tables are copied in parts, by several workers, in one snapshot; how far it is stands on the target."""

from __future__ import annotations

import pytest

from confiture.errors import StatementFailed, UnknownProvider
from confiture.model import Progress, StepFinished, StepStarted, WarningRaised
from conftest import run_psql

pytestmark = pytest.mark.anyio


async def test_every_row_arrives_in_parts(sync):
    """The judge is psql: what is not masked is equal, what is masked is what the rule says."""
    report = await sync(jobs=3)
    assert {table.table: table.rows for table in report.tables} == {
        "public.people": 900,
        'public.My "T.x" s': 700,
        "public.logs": 900,
        "public.alike": 500,
        "public.no_rows": 0,
        "public.bare": 30,
    }
    assert min(t.chunks for t in report.tables if t.rows >= 700) > 3
    for query in (
        "SELECT id, boss, note FROM people ORDER BY 1",
        'SELECT "Id", person FROM "My ""T.x"" s" ORDER BY 1',
        "SELECT tableoid::regclass, at, who, line FROM logs ORDER BY 2, 3",
        "SELECT v FROM bare ORDER BY 1",
    ):
        assert run_psql(sync.target, query) == run_psql(sync.source, query)
    assert run_psql(sync.target, "SELECT bool_and(email = 'user_' || id || '@example.com') FROM people").strip() == "t"


async def test_all_parts_are_of_one_snapshot(sync):
    """Rows that come while it copies are none of its: children would have no parents."""

    def write(event):
        if isinstance(event, StepStarted) and event.step == "sync.rows":
            run_psql(
                sync.source,
                "INSERT INTO people SELECT n, NULL, NULL, NULL FROM generate_series(1001, 1100) n; "
                "DELETE FROM logs; UPDATE people SET note = 'new' WHERE id > 400; DELETE FROM bare",
            )

    report = await sync(observers=[write], jobs=1)
    assert [t.rows for t in report.tables if t.table in ("public.people", "public.logs", "public.bare")] == [
        900,
        900,
        30,
    ]
    assert run_psql(sync.target, "SELECT count(*) FROM people WHERE note = 'new'").strip() == "0"


async def test_progress_is_told_by_table_and_for_all(sync):
    """Whatever the parts: a table's numbers grow to its rows, and no part has a step of its own."""
    events = []
    report = await sync(observers=[events.append], jobs=2)
    for name in [*(table.table for table in report.tables), "rows"]:
        step = f"sync.{name}"
        told = [e for e in events if isinstance(e, Progress) and e.step == step]
        rows = report.rows if name == "rows" else next(t.rows for t in report.tables if t.table == name)
        assert [e.done for e in told] == sorted(e.done for e in told)
        assert (told[-1].done, told[-1].total, told[-1].unit) == (rows, rows, "rows")
        own = [e for e in events if isinstance(e, StepStarted | StepFinished) and e.step == step]
        assert [type(e) for e in own] == [StepStarted, StepFinished]
        size = [e for e in events if isinstance(e, Progress) and e.step == f"{step}.bytes"][-1].done
        assert size == sum(t.bytes for t in report.tables if t.table == name or name == "rows")
    assert not [e for e in events if "#" in getattr(e, "step", "")]


async def test_the_largest_tables_come_first(sync):
    """The last to end should be small."""
    begun = []
    await sync(observers=[lambda e: begun.append(e) if isinstance(e, StepStarted) else None], jobs=1)
    labels = [e.label for e in begun if e.step.startswith("sync.public.")]
    assert labels[-2:] == ["public.bare", "public.no_rows"]


async def test_a_mask_over_all_rows_is_one_query(sync):
    """Shuffling a part of a table, part by part, would keep values near where they were."""
    rules = "anonymize: {people: {note: {kind: shuffle}}}"
    sync.project.write("db/sync_config.yaml", rules + "\n")
    (people,) = (t for t in (await sync(tables=("people",), keep={"people.email": "a test"})).tables)
    assert (people.chunks, people.rows) == (1, 900)
    notes = "SELECT note, count(*) FROM people GROUP BY 1 ORDER BY 1"
    assert run_psql(sync.target, notes) == run_psql(sync.source, notes)


async def test_a_finished_run_leaves_a_line_and_no_parts(sync):
    """With the key's fingerprint, by which the next run sees whether it has another one."""
    report = await sync()
    line = "SELECT run_id, key, finished IS NOT NULL, cardinality(tables) FROM confiture.confiture_sync_runs"
    assert run_psql(sync.target, line).split("\n")[0] == f"{report.run_id}|{report.key}|t|6"
    assert run_psql(sync.target, "SELECT count(*) FROM confiture.confiture_sync_chunks").strip() == "0"


async def test_another_key_is_noticed(sync, monkeypatch):
    """Rows of two keys do not join. The warning names both fingerprints, and the tables that are still there."""
    first = await sync(tables=("people",))
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", "f" * 32)
    events = []
    second = await sync(tables=('"My ""T.x"" s"',), with_parents=True, truncate=True, observers=[events.append])
    (warning,) = [e.message for e in events if isinstance(e, WarningRaised) and "another key" in e.message]
    assert {first.key, second.key} <= set(warning.replace(",", "").split())
    assert '"public"."people"' in warning
    run_psql(sync.target, "DROP TABLE people CASCADE")
    events.clear()
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", "e" * 32)
    await sync(tables=("bare",), observers=[events.append])
    assert not [e for e in events if isinstance(e, WarningRaised) and "people" in e.message]


async def test_an_unknown_engine_is_named(sync):
    """The engines that there are come with it."""
    sync.project.config("[sync]\nengine = 'copi'\n")
    with pytest.raises(UnknownProvider, match="copi"):
        await sync()
    assert run_psql(sync.target, "SELECT count(*) FROM people").strip() == "0"


async def test_an_error_of_one_worker_ends_all(sync):
    """It comes out as it is, and nothing of the others stays: no session, no half part."""

    def narrow(event):  # what was tried before went well
        if isinstance(event, StepStarted) and event.step == "sync.rows":
            run_psql(sync.target, "ALTER TABLE people ADD CHECK (id <> 885)")

    with pytest.raises(StatementFailed, match="people_id_check"):
        await sync(jobs=4, tables=("bare", "people", "logs"), observers=[narrow])
    await sync.no_session_left()
    counts = run_psql(
        sync.target,
        "SELECT (SELECT sum(rows) FROM confiture.confiture_sync_chunks), (SELECT count(*) FROM people) + "
        "(SELECT count(*) FROM logs) + (SELECT count(*) FROM bare)",
    )
    recorded, there = counts.strip().split("|")
    assert recorded == there
