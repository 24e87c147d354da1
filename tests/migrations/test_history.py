"""The tracking table: what its rows come to, and its older layouts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from confiture.errors import HistoryConflict
from confiture.migrations.history import Event, fold, read_history
from confiture.migrations.tracking import LAYOUT, Record, Tracking

pytestmark = pytest.mark.anyio


def event(number, direction, state, statements=0, **values):
    defaults = {
        "version": "001", "name": "a", "checksum": "c", "progress": None, "applied_at": datetime.now(UTC),
        "applied_by": "me", "host": None, "tool_version": None, "run_id": None, "duration_s": None, "message": None,
    }  # fmt: skip
    return Event(id=number, direction=direction, state=state, statements=statements, **{**defaults, **values})


def standing(*rows):
    return fold(event(number, *row) for number, row in enumerate(rows, 1))[1]


@pytest.mark.parametrize("state", ["applied", "faked", "baseline", "built", "squashed"])
def test_what_counts_as_applied(state):
    assert standing(("up", state, 1)).applied
    assert not standing(("up", "applied", 1), ("down", state, 1)).applied


def test_a_failure_changes_nothing_where_nothing_was_done():
    assert standing(("up", "failed")).partial is None
    assert not standing(("up", "failed")).applied
    after = standing(("up", "applied", 3), ("down", "failed", 0))
    assert (after.applied, after.partial) == (True, None)


def test_what_stopped_half_way_is_known_until_it_is_done():
    half_way = standing(("up", "started", 0), ("up", "started", 2), ("up", "failed", 2))
    assert (half_way.partial, half_way.done, half_way.applied) == ("up", 2, False)
    done = standing(("up", "started", 2), ("up", "applied", 3))
    assert (done.partial, done.done, done.applied) == (None, 0, True)
    down = standing(("up", "applied", 3), ("down", "started", 1))
    assert (down.partial, down.done, down.applied) == ("down", 1, True)


def test_a_statement_that_was_begun_first_of_all_is_half_way_too():
    assert standing(("up", "started", 0), ("up", "failed", 0)).partial == "up"


def test_an_accepted_edit_has_the_new_checksum():
    rows = [event(1, "up", "applied"), event(2, "up", "repaired", checksum="new")]
    found = fold(rows)[1]
    assert (found.checksum, found.applied) == ("new", True)


def test_versions_compare_by_their_number():
    assert (
        fold([event(1, "up", "applied", version="1"), event(2, "down", "applied", version="001")])[1].applied is False
    )


async def test_a_table_of_an_older_layout_is_read_and_upgraded(kernel_run, database, psql):
    """Layout 1 had a row for each migration that is applied; its rows stay."""
    psql(database, """
        CREATE TABLE confiture_migrations (
            id serial PRIMARY KEY, version text NOT NULL UNIQUE, name text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now(), execution_time_ms int, checksum text);
        INSERT INTO confiture_migrations (version, name, checksum) VALUES ('001', 'a', 'x'), ('002', 'b', 'y');
    """)  # fmt: skip
    tracking = Tracking(schema="public", table="confiture_migrations")
    async with kernel_run() as run, run.connect(await run.target()) as connection:
        history = await read_history(connection, tracking)
        assert (history.layout, [one.version for one in history.applied]) == (1, ["001", "002"])
        for statement in tracking.upgrade(history.columns, history.unique):
            await connection.execute(statement.sql)
        await connection.execute(tracking.insert([Record(version="002", name="b", checksum="y", direction="down")]).sql)
        history = await read_history(connection, tracking)
    assert (history.layout, [one.version for one in history.applied]) == (LAYOUT, ["001"])
    assert history.applied[0].checksum == "x"


async def test_a_table_of_a_newer_confiture_is_left_alone(kernel_run, database, psql):
    tracking = Tracking(schema="public", table="t")
    text = ";".join(each.sql for each in tracking.create(schema_exists=True))
    psql(database, text.replace(f"layout {LAYOUT}", "layout 99"))
    async with kernel_run() as run, run.connect(await run.target()) as connection:
        with pytest.raises(HistoryConflict, match="layout 99"):
            await read_history(connection, tracking)


async def test_a_table_that_is_something_else_is_named(kernel_run, database, psql):
    psql(database, "CREATE SCHEMA confiture; CREATE TABLE confiture.confiture_migrations (a int)")
    async with kernel_run() as run, run.connect(await run.target()) as connection:
        with pytest.raises(HistoryConflict, match="no history of migrations"):
            await read_history(connection, Tracking(schema="confiture", table="confiture_migrations"))


async def test_a_row_keeps_whatever_its_texts_hold(kernel_run, database, psql):
    tracking = Tracking(schema="we ird", table='ta"ble', run_id="r")
    for statement in tracking.create(schema_exists=False):
        psql(database, statement.sql)
    message = "it's\\ a 'test'\n; DROP TABLE x; --"
    psql(database, tracking.insert([Record(version="1", name="n'x", checksum=None, message=message)]).sql)
    async with kernel_run() as run, run.connect(await run.target()) as connection:
        [found] = (await read_history(connection, tracking)).events
    assert (found.name, found.message) == ("n'x", message)
