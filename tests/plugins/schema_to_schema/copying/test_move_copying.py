"""Rows come over in chunks, each once, into tables of every shape."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from confiture.errors import Refused
from confiture.model import Note, Progress, StepFinished, StepStarted
from confiture_schema_to_schema.copying import sizing
from conftest import run_psql

pytestmark = pytest.mark.anyio

#: Whether TRUNCATE gave it another file.
EMPTIED = "SELECT pg_relation_filenode('{0}') <> '{0}'::regclass::oid"
CUT = (
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid()"
)


async def test_all_rows_come_over(move):
    """A rename, a split, a merge of a table with a key and one without, partitions, odd names, no rows."""
    events = []
    report = await move(observers=[events.append])
    assert move.contents == move.expected
    await move.no_session()
    rows = {table.table: table.rows for table in report.tables}
    assert (rows["public.folk"], rows["public.pets"]) == (250, 400)
    assert report.rows == sum(int(line.partition("|")[0]) for line in move.expected.values())
    chunks = {table.table: table.chunks for table in report.tables}
    assert chunks["public.one"] == chunks["public.no_rows"] == 1
    assert min(chunks[name] for name in ("public.folk", "public.bare", "public.logs")) > 1
    assert set(report.whole_snapshots) == {"public.bare", "public.dogs"}
    assert 0 < report.snapshot_seconds < 60
    # A table of one chunk is emptied in the transaction that fills it, so that its rows are frozen.
    assert [run_psql(move.target, EMPTIED.format(name)) for name in ("one", "folk")] == ["t", "f"]

    started = Counter(event.step for event in events if isinstance(event, StepStarted))
    finished = Counter(event.step for event in events if isinstance(event, StepFinished))
    steps = {"schema-to-schema.rows", *(f"schema-to-schema.{name}" for name in rows)}
    assert {step: (started[step], finished[step]) for step in steps} == dict.fromkeys(steps, (1, 1))
    last = {event.step: event for event in events if isinstance(event, Progress)}
    assert (last["schema-to-schema.rows"].done, last["schema-to-schema.rows"].total) == (report.rows, report.rows)
    assert last["schema-to-schema.public.pets"].done == 400


async def test_a_table_that_others_refer_to(move):
    """It is filled, and they refer to it afterwards."""
    run_psql(move.target, "CREATE TABLE other (one int REFERENCES one)")
    await move(tables=("one",))
    assert move.contents["one"] == move.expected["one"]
    found = "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' AND conrelid = 'other'::regclass"
    assert run_psql(move.target, found) == "other_one_fkey|t"


async def test_chunks_that_take_too_long_are_followed_by_smaller_ones(move, monkeypatch):
    """So that no snapshot of the source is held for long."""
    monkeypatch.setattr(sizing, "_SNAPSHOT_S", 0.0)
    monkeypatch.setattr(sizing, "_AIM_S", 0.0)
    report = await move(tables=("folk", "bare"))
    assert {name: move.contents[name] for name in ("folk", "bare")} == {
        name: move.expected[name] for name in ("folk", "bare")
    }
    pages = run_psql(move.source, "SELECT pg_relation_size('people') / 8192, pg_relation_size('bare') / 8192")
    folk, bare = (int(each) for each in pages.split("|"))
    chunks = {table.table: table.chunks for table in report.tables}
    assert chunks["public.folk"] > folk + 3
    assert chunks["public.bare"] == bare


async def test_tables_with_rows_are_not_touched(move):
    """Nobody could tell them from those that were copied."""
    run_psql(move.target, "INSERT INTO one VALUES (7); INSERT INTO no_rows VALUES (7)")
    with pytest.raises(Refused, match="no_rows") as caught:
        await move()
    assert "public.one" in caught.value.message
    assert run_psql(move.target, "SELECT count(*) FROM folk") == "0"


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("table", ["folk", "bare"])
async def test_a_lost_server_is_waited_for(move, side, table):
    """All sessions of one side end at once, as when it is restarted: the chunk is tried again, and is there once.

    ``bare`` has no key: its chunks are of one snapshot, which is gone with its session.
    """
    # A connection that is lost while the driver begins a COPY leaves a future that nobody reads.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    events = []

    def cut(event):
        events.append(event)
        step = f"schema-to-schema.public.{table}"
        if isinstance(event, Progress) and event.step == step and event.done > 100 and "cut" not in events:
            events.append("cut")
            run_psql(getattr(move, side), CUT)

    await move(jobs=2, observers=[cut])
    assert "cut" in events
    assert move.contents == move.expected
    assert any(isinstance(event, Note) and "tried again" in event.message for event in events)
    await move.no_session()
