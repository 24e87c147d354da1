"""A sample of a task's rows is moved for real, and nothing is left of it."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from confiture.errors import Refused
from confiture.model import Statement, TransferTask
from confiture.quoting import quote_ident
from confiture.transfer import timed_sample
from confiture_copy.engine import CopyEngine

pytestmark = pytest.mark.anyio

EVERYTHING = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_depend),
       (SELECT count(*) FROM t), (SELECT last_value FROM numbers)
"""


class Timed(CopyEngine):
    """Says that each row takes a microsecond, and a transfer ``ceremony_s`` beside: a machine may stall in any."""

    ceremony_s = 0.0

    async def transfer(self, ctx, task, masks=()):
        report = await super().transfer(ctx, task, masks)
        return msgspec.structs.replace(report, seconds=self.ceremony_s + report.rows / 1_000_000)


class Ceremonious(Timed):
    """Half a second for each transfer."""

    ceremony_s = 0.5


@pytest.fixture
def sampled(ctx, source, target):
    """``await sampled(query, "a, b", rows=...)``: into the table ``t``."""

    async def sampled(query: str, columns: str, *, rows: int, within_s: float = 60.0, **values):
        task = TransferTask(
            source=source, target=target, table="t", columns=tuple(columns.split(", ")), query=query, **values
        )
        return await timed_sample(ctx, Timed(), task, rows=rows, within_s=within_s)

    return sampled


async def test_nothing_is_left_of_it(both, psql, target, source, sampled):
    """No row, no table, no number of a sequence; what the task does around its rows is not done."""
    both(
        "CREATE SEQUENCE numbers; CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL,"
        " n int NOT NULL DEFAULT nextval('numbers'), i int GENERATED ALWAYS AS IDENTITY,"
        " g int GENERATED ALWAYS AS (id + 1) STORED, must int NOT NULL)"
    )
    psql(source, "INSERT INTO t (id, v, must) SELECT n, 'x', 1 FROM generate_series(1, 300) AS n")
    before = psql(target, EVERYTHING)
    found = await sampled(
        "SELECT id, v FROM t; ",
        "id, v",
        rows=10_000,
        before=(Statement(sql="DROP TABLE t"),),
        after=(Statement(sql="SELECT nextval('numbers')"),),
        freeze=True,
        bytes_per_second=1,
        settings={"some.key": "1"},
    )
    assert found is not None
    assert found.rows == 300
    assert found.bytes > 300 * 10
    assert found.rows_per_second == pytest.approx(300 / found.seconds)
    assert found.bytes_per_second == pytest.approx(found.bytes / found.seconds)
    assert psql(target, EVERYTHING) == before


async def test_no_more_rows_than_were_asked_for(both, psql, source, sampled):
    """Whoever asks says how many may be read."""
    both("CREATE TABLE t (id int)")
    psql(source, "INSERT INTO t SELECT generate_series(1, 500)")
    found = await sampled("SELECT id FROM t -- all", "id", rows=20)
    assert found.rows == 20


async def test_what_a_transfer_costs_is_no_part_of_the_rate(ctx, both, psql, source, target):
    """An engine that is slow to begin would seem slow with rows: one row would be taken for a sample."""
    both("CREATE TABLE t (id int)")
    psql(source, "INSERT INTO t SELECT generate_series(1, 500)")
    task = TransferTask(source=source, target=target, table="t", columns=("id",), query="SELECT id FROM t")
    found = await timed_sample(ctx, Ceremonious(), task, rows=400, within_s=60)
    assert found.rows == 400


async def test_an_empty_table_has_no_rate(both, sampled):
    """Nor one from which no row may be read."""
    both("CREATE TABLE t (id int)")
    assert await sampled("SELECT id FROM t", "id", rows=1000) is None


async def test_odd_names_and_partitions(ctx, both, psql, source, target):
    """The temporary table has the columns that are filled, whatever they are called."""
    name, column = quote_ident('My."T'), quote_ident('a "b".c')
    both(
        f"CREATE SCHEMA {quote_ident('S.1')}; CREATE TABLE {quote_ident('S.1')}.{name} ({column} text)"
        f" PARTITION BY LIST ({column}); CREATE TABLE p PARTITION OF {quote_ident('S.1')}.{name} DEFAULT"
    )
    table = f"{quote_ident('S.1')}.{name}"
    psql(source, f"INSERT INTO {table} VALUES ('x'), (NULL)")
    task = TransferTask(
        source=source, target=target, table=table, columns=('a "b".c',), query=f"SELECT {column} FROM {table}"
    )
    found = await timed_sample(ctx, Timed(), task, rows=1000, within_s=60)
    assert found.rows == 2
    assert psql(target, f"SELECT count(*) FROM {table}") == "0"


async def test_what_takes_too_long_is_cancelled(both, psql, source, sampled):
    """A query that sorts everything before its first row would take as long as the copy."""
    both("CREATE TABLE t (id int)")
    running = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND state = 'active'"""
    with anyio.fail_after(60):
        assert await sampled("SELECT 1 FROM pg_sleep(600)", "id", rows=1000, within_s=0.3) is None
        while psql(source, running) != "0":
            await anyio.sleep(0.01)


async def test_a_sample_that_was_cut_short_is_none(both, sampled):
    """One row and what a transfer costs are no rate: on a busy machine an engine would seem a thousand times slower."""
    both("CREATE TABLE t (id int)")
    query = "SELECT i FROM generate_series(1, 1000) AS i WHERE i = 1 OR pg_sleep(600) IS NULL"
    with anyio.fail_after(60):
        assert await sampled(query, "id", rows=1000, within_s=1.0) is None


async def test_what_the_engine_refuses_is_raised(both, sampled):
    """No figure is made up."""
    both("CREATE TABLE t (id int)")
    with pytest.raises(Refused, match="'id'"):
        await sampled("SELECT 1::bigint", "id", rows=1000)
