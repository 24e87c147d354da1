"""What `copy` says of tasks beforehand; rows that are frozen, and a stream that is held back."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import ConfitureError, DatabaseNotFound, Refused
from confiture.model import Statement, Target, TransferTask
from confiture_copy.engine import CopyEngine

pytestmark = pytest.mark.anyio

EMPTIED = (Statement(sql="TRUNCATE t"),)
ROWS = "INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 600) AS n"


async def test_frozen_rows_are_old(ctx, both, psql, source, target, transfer):
    """A snapshot from before the copy sees them, as it would no row of a later transaction."""
    both("CREATE TABLE t (id int, v text); CREATE TABLE other ()")
    psql(source, "INSERT INTO t VALUES (1, 'a'), (2, NULL)")
    for freeze, seen in ((False, 0), (True, 2)):
        async with ctx.connect(target) as older, ctx.transaction(older, isolation="repeatable_read"):
            await older.fetch("SELECT FROM other")
            report = await transfer("id, v", before=EMPTIED, freeze=freeze)
            assert report.rows == 2
            assert await older.fetchval("SELECT count(*) FROM t") == seen


async def test_a_partitioned_table_is_not_frozen(both, transfer):
    """PostgreSQL would refuse it after the rows are on their way, in other words."""
    both("CREATE TABLE t (id int) PARTITION BY LIST (id)")
    with pytest.raises(Refused, match="'t' cannot be frozen"):
        await transfer("id", before=EMPTIED, freeze=True)


@pytest.mark.parametrize("binary", [True, False])
async def test_a_stream_is_held_back(both, psql, source, equal, transfer, binary):
    """So many bytes take at least so long, and all of them arrive."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, ROWS)
    report = await transfer("id, v", bytes_per_second=2_000_000, binary=binary)
    assert report.bytes > 600_000
    assert report.seconds >= report.bytes / 2_000_000
    equal("SELECT count(*), sum(id) FROM t")


async def test_a_stream_that_is_held_back_can_be_cancelled(both, psql, source, target, transfer):
    """It would go on for an hour."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, ROWS)
    with anyio.fail_after(20):
        with anyio.move_on_after(0.1) as scope:
            await transfer("id, v", bytes_per_second=200)
        assert scope.cancelled_caught
    assert psql(target, "SELECT count(*) FROM t") == "0"


async def test_a_target_that_fails_ends_a_stream_that_is_held_back(both, psql, source, target, transfer):
    """The target's error is told when it happens."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, ROWS)
    psql(target, "ALTER TABLE t ADD CHECK (id < 3)")
    with anyio.fail_after(20), pytest.raises(ConfitureError, match="t_id_check"):
        await transfer("id, v", bytes_per_second=200)


async def test_a_survey_answers_each_task(ctx, both, source, target):
    """One that cannot be done says why, and the others are answered all the same."""
    both(
        'CREATE SCHEMA "My"; CREATE TABLE "My"."T 1" (id int, name text);'
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE moods (m mood[])"
    )

    def task(query: str, columns=("id", "name"), table='"My"."T 1"', **values) -> TransferTask:
        return TransferTask(source=source, target=target, table=table, columns=columns, query=query, **values)

    tasks = [
        task('WITH w AS (SELECT 1) SELECT id, name FROM "My"."T 1", w -- all'),
        task('SELECT id FROM "My"."T 1"'),
        task('SELECT id::bigint, name FROM "My"."T 1"'),
        task('SELECT id, no_such FROM "My"."T 1"'),
        task("SELEC"),
        task("SELECT 1, 'a'", table="nowhere"),
        task("SELECT m FROM moods", ("m",), "moods"),
        task('SELECT id::bigint, name FROM "My"."T 1"', binary=False),
    ]
    surveys = await CopyEngine().survey(ctx, tasks)
    assert [survey.obstacle is None for survey in surveys] == [True, *(False,) * 5, True, True]
    assert {survey.engine for survey in surveys} == {"copy"}
    good, count, types, column, _, table, text, asked = surveys
    assert "binary" in good.because
    assert [lock.split(" while ")[0] for lock in good.locks[:1]] == ["source: ACCESS SHARE on My.T 1"]
    assert good.locks[1].startswith('target: ROW EXCLUSIVE on "My"."T 1"')
    assert "1 columns" in count.obstacle
    assert "'bigint'" in types.obstacle
    assert "cast it" in types.hint
    assert "no_such" in column.obstacle
    assert "'nowhere'" in table.obstacle
    assert "as text" in text.because
    assert "'m'" in text.because
    assert "types differ" in asked.because


async def test_a_survey_of_a_table_that_is_not_frozen(ctx, both, source, target):
    """It says so before a start."""
    both("CREATE TABLE t (id int) PARTITION BY LIST (id)")
    task = TransferTask(source=source, target=target, table="t", columns=("id",), query="SELECT id FROM t", freeze=True)
    (survey,) = await CopyEngine().survey(ctx, [task])
    assert "frozen" in survey.obstacle


async def test_a_survey_of_a_server_that_is_away_is_an_error(ctx, source, target: Target):
    """That is no answer about the task."""
    away = target.with_database("no_such_database")
    task = TransferTask(source=source, target=away, table="t", columns=("id",), query="SELECT 1")
    with pytest.raises(DatabaseNotFound):
        await CopyEngine().survey(ctx, [task])
