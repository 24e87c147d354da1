"""The executor ``runner`` in batches that commit, on one connection."""

from __future__ import annotations

import pytest

from confiture.errors import ConfigError, StatementFailed
from confiture.model import Logged, Plan, Statement

pytestmark = pytest.mark.anyio


async def test_what_cannot_be_in_a_transaction_runs_alone_and_in_order(execute, plan_of, database, psql):
    """CREATE INDEX CONCURRENTLY and VACUUM between statements that they need, and that need them."""
    text = (
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1);\n"
        "CREATE INDEX CONCURRENTLY t_a ON t (a);\nVACUUM t;\nCOMMENT ON INDEX t_a IS 'done';"
    )
    report = await execute(plan_of(text), atomic=False)
    assert report.statements == 5
    assert [event for event in execute.events if isinstance(event, Logged)] == []  # no batch had to fail for it
    assert psql(database, "SELECT obj_description('t_a'::regclass)") == "done"


async def test_a_new_enum_value_is_committed_before_it_is_used(execute, plan_of, database, psql):
    """In the transaction that adds it, it cannot be used (55P04); and no batch has to fail to find that out."""
    text = "CREATE TYPE e AS ENUM ('a');\nALTER TYPE e ADD VALUE 'b';\nCREATE TABLE t (x e DEFAULT 'b');"
    statements = plan_of("CREATE TYPE e AS ENUM ('a');").statements
    await execute(Plan(statements=statements), atomic=False)
    await execute(Plan(statements=plan_of(text).statements[1:]), atomic=False)
    assert [event for event in execute.events if isinstance(event, Logged)] == []
    assert psql(database, "INSERT INTO t DEFAULT VALUES; TABLE t") == "b"


async def test_a_new_enum_value_in_one_transaction_has_a_hint(execute, plan_of):
    """What to do is not to be guessed from PostgreSQL's message."""
    await execute(plan_of("CREATE TYPE e AS ENUM ('a');"))
    with pytest.raises(StatementFailed, match="unsafe use of new value") as caught:
        await execute(plan_of("ALTER TYPE e ADD VALUE 'b';\nCREATE TABLE t (x e DEFAULT 'b');"))
    assert caught.value.sqlstate == "55P04"
    assert caught.value.line == 2
    assert "batches" in caught.value.hint


async def test_a_procedure_that_commits_can_be_called(execute, plan_of, database, psql):
    """psql can; a batch is a transaction of its own, so the call runs again alone."""
    procedure = "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;"
    await execute(plan_of(f"CREATE TABLE t (a int); {procedure} CALL p(); SELECT 1;"), atomic=False)
    assert psql(database, "SELECT count(*) FROM t") == "1"


async def test_an_error_is_placed(execute, plan_of):
    """Without a position PostgreSQL says nothing of the statement: it is found by running them one by one."""
    with pytest.raises(StatementFailed) as caught:
        await execute(plan_of("CREATE TABLE t (a int);\nSELECT 1;\nCREATE TABLE t (b int);"), atomic=False)
    assert (caught.value.file, caught.value.line, caught.value.column) == ("a.sql", 3, 1)
    with pytest.raises(StatementFailed) as caught:
        await execute(plan_of("SELECT 1;\nSELECT 2,\n nope;"), atomic=False)
    assert (caught.value.line, caught.value.column) == (3, 2)


async def test_what_ran_before_an_error_stays(execute, plan_of, database, psql):
    """Batches are for a database that nobody sees yet: whoever made it takes it away."""
    with pytest.raises(StatementFailed):
        await execute(plan_of("CREATE TABLE t (a int);\nSELECT nope;"), atomic=False)
    assert psql(database, "SELECT count(*) FROM t") == "0"


async def test_a_timeout_is_not_tried_again(execute, plan_of):
    """Running it again one by one would take the time a second time."""
    text = "SET statement_timeout = '50ms';\nSELECT 1;\nSELECT pg_sleep(10);"
    with pytest.raises(StatementFailed, match="statement timeout"):
        await execute(plan_of(text), atomic=False)
    assert [event for event in execute.events if isinstance(event, Logged)] == []


async def test_settings_hold_for_later_batches(execute, database, psql):
    """A setting made in one batch holds in the next, also after its commit."""
    statements = (
        Statement(sql="CREATE SCHEMA s"),
        Statement(sql="SET search_path = s", session=True),
        Statement(sql="VACUUM", transactional=False),
        Statement(sql="CREATE TABLE t (a int)"),
    )
    await execute(Plan(statements=statements), atomic=False)
    assert psql(database, "SELECT count(*) FROM s.t") == "0"


async def test_jobs_must_be_positive(execute):
    """A configuration mistake, not an empty run."""
    with pytest.raises(ConfigError, match="jobs must be at least 1"):
        await execute(Plan(statements=()), atomic=False, jobs=0)
