"""What each statement took: its time, and the locks that it really got."""

from __future__ import annotations

import pytest

from confiture.model import Plan, Statement

pytestmark = pytest.mark.anyio

SQL = (
    "CREATE TABLE mine (a int)",
    "INSERT INTO mine VALUES (1)",
    'ALTER TABLE "T t" ADD b int',
    "SELECT pg_sleep(0.2)",
    'UPDATE "T t" SET b = 1',
    'INSERT INTO s.u SELECT count(*) FROM "T t"',
    "DROP TABLE gone",
)


@pytest.mark.parametrize("rollback", [False, True])
async def test_locks_and_times(execute, database, psql, rollback):
    """Of what was there before the transaction; each lock where it was taken first."""
    psql(database, 'CREATE TABLE "T t" (a int); CREATE SCHEMA s; CREATE TABLE s.u (n int); CREATE TABLE gone (a int)')
    plan = Plan(statements=tuple(Statement(sql=sql) for sql in SQL))
    report = await execute(plan, rollback=rollback, measure=True)
    assert [each.number for each in report.measured] == list(range(7))
    assert [each.locks for each in report.measured] == [
        (),
        (),
        (("AccessExclusiveLock", 'public."T t"'),),
        (),
        (("RowExclusiveLock", 'public."T t"'),),
        (("AccessShareLock", 'public."T t"'), ("RowExclusiveLock", "s.u")),
        (("AccessExclusiveLock", "public.gone"),),
    ]
    assert report.measured[3].seconds > 0.2
    # Each its own time, and not that since the beginning.
    assert sum(each.seconds for each in report.measured) <= report.seconds
    assert psql(database, "SELECT to_regclass('mine') IS NULL") == ("t" if rollback else "f")


async def test_outside_of_a_transaction_there_is_only_the_time(execute):
    plan = Plan(statements=(Statement(sql="VACUUM", transactional=False),))
    report = await execute(plan, atomic=False, measure=True)
    (measured,) = report.measured
    assert measured.seconds > 0
    assert measured.locks == ()


async def test_nothing_is_measured_where_nobody_asks(execute, plan_of):
    assert (await execute(plan_of("SELECT 1;"))).measured == ()
