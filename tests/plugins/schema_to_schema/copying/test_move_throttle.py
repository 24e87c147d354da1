"""Copying waits where it is told to, and does not use more of the servers than it may."""

from __future__ import annotations

import time
from functools import partial

import anyio
import asyncpg
import msgspec
import pytest

from confiture.errors import ConfigError
from confiture.model import Note, Progress, TransferSurvey
from confiture_schema_to_schema.configuring import SchemaToSchemaConfig
from confiture_schema_to_schema.copying.sizing import Sizing
from confiture_schema_to_schema.values import Part, PartPlan, Table
from conftest import run_psql
from plugins.schema_to_schema.copying.conftest import CONFIG

pytestmark = pytest.mark.anyio

WAITS = "SELECT waiting_for FROM confiture.confiture_moves"

THERE = ("SELECT to_regclass('confiture.confiture_moves') IS NOT NULL", "t")


@pytest.fixture
def until(move):
    """``await until(sql, value)``: the new database gives it, by psql."""

    async def wait(sql: str, value: str) -> None:
        with anyio.fail_after(30):
            while run_psql(move.target, sql) != value:
                await anyio.sleep(0.02)

    return wait


def at_first_rows(do):
    """An observer that does something once, when rows are there."""
    done = []

    def see(event):
        if isinstance(event, Progress) and event.step == "schema-to-schema.rows" and event.done and not done:
            done.append(True)
            do()

    return see


async def test_it_waits_while_it_is_paused(move, until):
    """From another process: through the state on the target."""
    events = []
    pause = "UPDATE confiture.confiture_moves SET paused = {}".format
    see = at_first_rows(partial(run_psql, move.target, pause(True)))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(move, observers=[see, events.append]))
        await until(*THERE)
        await until(WAITS, "paused")
        status = await move.start("schema-to-schema-status")
        assert (status.running, status.paused, status.waiting_for) == (True, True, "paused")
        copied = "SELECT sum(rows) FROM confiture.confiture_move_chunks"
        rows = int(run_psql(move.target, copied))
        assert 0 < rows < 1200
        told = await move.start("schema-to-schema-pause", paused=False)
        assert (told.running, told.paused) == (True, False)
    assert move.contents == move.expected
    notes = [event.message for event in events if isinstance(event, Note)]
    assert [note for note in notes if note.startswith("copying waits")] == ["copying waits: paused"]
    assert any(note.startswith("copying goes on") for note in notes)


async def test_it_waits_while_others_use_the_source(move, kernel_run, until):
    """Sessions that are active, and not its own; not those that are idle. And while a query says so."""
    move.project.config(CONFIG + "wait_while = 'SELECT nonsense'\n")
    with pytest.raises(ConfigError, match=r'`wait_while` .* column "nonsense" does not exist'):
        await move()
    asked = "SELECT 'the shop is open' FROM pg_namespace WHERE nspname = 'open'"
    move.project.config(f'{CONFIG}max_active_sessions = 0\nwait_while = "{asked}"\n')
    run_psql(move.source, "CREATE SCHEMA open")
    shop = {"application_name": "shop"}
    async with (
        kernel_run(move.project, database=move.source) as run,
        run.connect(move.source, settings=shop) as busy,
        run.connect(move.source, settings=shop),
        anyio.create_task_group() as group,
    ):
        group.start_soon(sleep, busy)
        group.start_soon(partial(move, resume=True))
        await until(f"SELECT waiting_for ~ '^1 sessions are active on' FROM ({WAITS}) AS w", "t")
        assert run_psql(move.target, "SELECT count(*) FROM folk") == "0"
        ended = (
            "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
            " AND datname = current_database()"
        )
        assert run_psql(move.source, ended) == "1"
        await until(WAITS, "the shop is open (wait_while)")
        assert run_psql(move.target, "SELECT count(*) FROM folk") == "0"
        run_psql(move.source, "DROP SCHEMA open")
    assert move.contents == move.expected


async def sleep(connection):
    """Until somebody cancels it."""
    with pytest.raises(asyncpg.QueryCanceledError):
        await connection.execute("SELECT pg_sleep(60)")


async def test_so_many_bytes_a_second_and_no_more(move):
    """All workers together; a lower bound of the time, since that is what is asked for."""
    began = time.monotonic()
    report = await move(max_mb_per_second=0.1, jobs=2, tables=("people", "bare"))
    size = sum(table.bytes for table in report.tables)
    assert size > 40_000
    # The last chunks, one a worker, may end before what they cost is over.
    assert time.monotonic() - began > (size - 2 * 8192) / (0.1 * 2**20)


def plan_of(size: int, toast: int, rate: float | None = None) -> PartPlan:
    table = Table(schema="public", name="t", columns=(), rows=1000, bytes=size, toast=toast)
    part = Part(number=0, target="public.t", source="public.t", alias="t", query="", columns=())
    survey = TransferSurvey(engine="copy", bytes_per_second=rate)
    return PartPlan(part=part, source=table, target=table, engine="copy", survey=survey)


def test_the_size_of_chunks():
    """Of bytes, those that are kept apart counted; smaller where that is slow, held back, or leaves workers idle."""
    mb = 1 << 20
    one = Sizing(chunk_mb=64, workers=1)
    assert one.chunks(plan_of(64 * mb, 0)) == 1
    assert one.chunks(plan_of(1 * mb, 639 * mb)) == 10
    assert one.chunk_bytes(plan_of(6400 * mb, 0, rate=mb)) == 20 * mb
    held = msgspec.structs.replace(one, bytes_per_second=0.5 * mb)
    assert (held.chunk_bytes(plan_of(6400 * mb, 0)), held.worker_bytes_per_second) == (10 * mb, mb // 2)
    assert msgspec.structs.replace(one, workers=4).chunks(plan_of(64 * mb, 0)) == 8
    assert Sizing.of(SchemaToSchemaConfig(max_mb_per_second=8), 2, None).worker_bytes_per_second == 4 * mb
    assert Sizing.of(SchemaToSchemaConfig(max_mb_per_second=8), 2, 2.0).worker_bytes_per_second == mb
    # What took 40 s is followed by what takes 10 s.
    assert one.pieces(rows=1000, copied_rows=1000, seconds=40.0) == 4
    assert one.pieces(rows=400, copied_rows=1000, seconds=40.0) == 1
    assert one.pieces(rows=1000, copied_rows=1000, seconds=15.0) == 1
