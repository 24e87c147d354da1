"""A live old side: what the server's statistics say of its tables shapes the plan."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

OLD = """
CREATE TABLE big (id int PRIMARY KEY, code text, amount int NOT NULL DEFAULT 7);
CREATE INDEX by_amount ON big (amount);
INSERT INTO big SELECT i, 'c' || i, i FROM generate_series(1, 500) i;
"""
NEW = """
CREATE TABLE big (id int PRIMARY KEY, code text, amount bigint NOT NULL DEFAULT 7);
CREATE INDEX by_amount ON big (amount);
"""


@pytest.fixture
def diff(scratch_project, kernel_run, database, psql):
    """``await diff(rows)``: from a live database whose statistics say that ``big`` has so many rows."""

    async def run(rows: int, **request):
        psql(database, OLD + f"UPDATE pg_class SET reltuples = {rows} WHERE relname = 'big';")
        scratch_project.environment_for(database, "live")
        file = scratch_project.write("new.sql", NEW)
        async with kernel_run(scratch_project) as ctx:
            return await ctx.start("diff", old="env:live", new=str(file), **request)

    return run


async def test_a_column_of_a_big_table_is_filled_in_batches(diff, database, psql):
    """Two million rows are written anew for seconds under a lock that lets nobody in; the plan avoids it, proved."""
    report = await diff(2_000_000)
    sql = [statement.sql for statement in report.plan.statements]
    assert not any(statement.effects.rewrites for statement in report.plan.statements)
    assert any("LOOP" in text and "COMMIT" in text for text in sql)
    assert {"unknown-effects", "deletes-data", "breaks-clients"}.isdisjoint(each.kind for each in report.hazards)
    assert report.proof.proved == report.proof.with_rows == ("forward", "backward")
    for text in sql:
        psql(database, text)
    assert psql(database, "SELECT count(*), sum(amount), min(pg_typeof(amount)::text) FROM big") == "500|125250|bigint"


async def test_a_column_of_a_small_table_is_written_anew(diff):
    """It takes a moment, and one statement."""
    report = await diff(500)
    assert [statement.sql for statement in report.plan.statements if statement.effects.rewrites] == [
        "ALTER TABLE public.big ALTER COLUMN amount TYPE bigint"
    ]


async def test_offline_a_big_table_is_written_anew(diff):
    """Nobody is there to be kept waiting."""
    report = await diff(2_000_000, offline=True)
    assert [statement.effects.rewrites for statement in report.plan.statements] == [True]


async def test_values_that_do_not_fit_stop_it_and_are_not_cut(scratch_project, kernel_run, database, psql):
    """As ALTER COLUMN TYPE does: a backfill that cuts them loses data, and nobody hears of it."""
    psql(database, "CREATE TABLE big (id int, code text); INSERT INTO big VALUES (1, 'a long one');"
         "UPDATE pg_class SET reltuples = 2000000 WHERE relname = 'big';")  # fmt: skip
    scratch_project.environment_for(database, "live")
    file = scratch_project.write("new.sql", "CREATE TABLE big (id int, code varchar(3));")
    async with kernel_run(scratch_project) as ctx:
        report = await ctx.start("diff", old="env:live", new=str(file))
    sql = [statement.sql for statement in report.plan.statements]
    assert any("LOOP" in text for text in sql)
    with pytest.raises(AssertionError, match="too long"):
        for text in sql:
            psql(database, text)
    assert psql(database, "SELECT code FROM big") == "a long one"
