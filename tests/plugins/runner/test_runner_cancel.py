"""A cancelled run leaves nothing: no session, no transaction, nothing of an atomic plan."""

from __future__ import annotations

import time

import anyio
import pytest

from cancelling import at_every_await
from confiture.model import Plan, Statement

pytestmark = pytest.mark.anyio

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
RELATIONS = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


def slow_plan() -> Plan:
    """Some 0.6 s: single queries, batches, and COPY."""
    statements: list[Statement] = [Statement(sql="SET search_path = public", session=True)]
    for number in range(12):
        statements += [
            Statement(sql=f"CREATE TABLE t{number} (a int PRIMARY KEY)", level=3 * number),
            *(Statement(sql="SELECT pg_sleep(0.01)", level=3 * number + 1) for _ in range(5)),
            Statement(sql=f"COPY t{number} FROM stdin", copy_data=b"1\n2\n", level=3 * number + 2),
        ]
    return Plan(statements=tuple(statements))


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45])
@pytest.mark.parametrize("jobs", [0, 1, 3])
async def test_a_cancelled_run_leaves_no_session(execute, database, psql, after_s, jobs):
    """At whatever await it is hit; atomic (0 jobs here) it leaves no relation either."""
    with anyio.move_on_after(after_s) as scope:
        await execute(slow_plan(), atomic=jobs == 0, jobs=max(jobs, 1))
    assert scope.cancelled_caught
    await _gone(database, psql)
    if jobs == 0:
        assert psql(database, RELATIONS) == "0"


@pytest.mark.parametrize("jobs", [0, 1, 2])
async def test_a_run_cancelled_at_any_await_leaves_no_session(execute, database, psql, jobs):
    """At every await in turn; where it ends in time, the next begins with an empty database again."""
    levels = (["CREATE TABLE t (a int)"], ["SELECT 1"] * 8, ["ALTER TABLE t ADD b int"])
    statements = [Statement(sql=sql, level=level) for level, sqls in enumerate(levels) for sql in sqls]
    statements.append(Statement(sql="COPY t (a) FROM stdin", copy_data=b"1\n2\n", level=3))
    plan = Plan(statements=tuple(statements))

    async def work() -> None:
        await execute(plan, atomic=jobs == 0, jobs=max(jobs, 1))

    count = 0
    async for _ in at_every_await(work):
        await _gone(database, psql)
        count += 1
        if jobs == 0 and count > 1:
            assert psql(database, RELATIONS) in ("0", "1")
        psql(database, "DROP TABLE IF EXISTS t")
    assert count > 5


async def test_an_error_on_one_connection_ends_the_others(execute, database, psql):
    """Nobody waits for a statement of an hour when the run has failed already."""
    plan = Plan(
        statements=(
            *(Statement(sql="SELECT pg_sleep(3600)", level=0) for _ in range(2)),
            *(Statement(sql="SELECT pg_cancel_backend(pg_backend_pid())", level=0) for _ in range(6)),
        )
    )
    with anyio.fail_after(60), pytest.raises(Exception, match="canceling statement"):
        await execute(plan, atomic=False, jobs=2)
    await _gone(database, psql)


async def _gone(database, psql) -> None:
    """The server notices a closed socket a moment later."""
    deadline = time.monotonic() + 60
    while psql(database, SESSIONS.format(database.database)) != "0":
        others = "SELECT pid, state, query FROM pg_stat_activity WHERE datname IS NOT NULL"
        assert time.monotonic() < deadline, psql(database, others)
        await anyio.sleep(0.02)
