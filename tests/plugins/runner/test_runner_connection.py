"""The executor on a connection of the caller's: used, and left as it was found."""

from __future__ import annotations

import anyio
import pytest

from cancelling import at_every_await
from confiture.errors import Busy, ConfigError, ConnectionLost, StatementFailed
from confiture.model import Plan, Statement

pytestmark = pytest.mark.anyio

RELATIONS = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
#: What of a session a plan could leave behind.
FOUND = (
    "SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('statement_timeout'),"
    " current_setting('search_path'), current_user, session_user)"
)


async def test_no_other_connection_is_opened(given, plan_of):
    """Hundreds of migrations, one connection: temporary tables of the one are there for the next."""
    async with given() as (connection, execute):
        await execute(plan_of("CREATE TEMPORARY TABLE t (a int);"))
        report = await execute(plan_of("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"))
        assert report.statements == 2
        assert await connection.fetchval("SELECT sum(a) FROM t") == 3


async def test_no_step_is_announced(given, plan_of):
    """Steps are the caller's, who knows what it is that runs."""
    events = []
    async with given(observers=[events.append]) as (_, execute):
        await execute(plan_of("SELECT 1;"), lock_timeout_s=1)
    assert events == []


async def test_several_jobs_need_several_connections(given, plan_of):
    async with given() as (_, execute):
        with pytest.raises(ConfigError, match="one connection cannot do several jobs"):
            await execute(plan_of("SELECT 1"), atomic=False, jobs=2)


@pytest.mark.parametrize("limits", [{}, {"lock_timeout_s": 5, "statement_timeout_s": 60}])
async def test_all_or_nothing(given, plan_of, database, psql, limits):
    """With positions and without, in the first statement and later, alone in its message and not; then it goes on."""
    ok = "CREATE TABLE a (n int);\n"
    broken = ["SELECT nope", "CREATE TABLE a ()", "SELECT 1/0", "CREATE TABLE a (n int);\nCREATE TABLE a (n int)"]
    async with given() as (connection, execute):
        for text in [f"{ok}{ok}SELECT 1;\n{each}" for each in broken] + broken[:1] + broken[2:]:
            with pytest.raises(StatementFailed) as caught:
                await execute(plan_of(text + ";\n"), **limits)
            assert caught.value.line in (1, 2, 4)
            assert psql(database, RELATIONS) == "0"
            assert not connection.is_in_transaction()
        await execute(plan_of(ok), **limits)
    assert psql(database, RELATIONS) == "1"


@pytest.mark.parametrize("limits", [{}, {"lock_timeout_s": 5}])
async def test_the_bookkeeping_and_the_commit_are_told_apart(given, plan_of, psql, database, limits):
    """They travel with the last statement, and are not blamed on it."""
    text = (
        "CREATE TABLE t (a int PRIMARY KEY, b int REFERENCES t DEFERRABLE INITIALLY DEFERRED);\n"
        "INSERT INTO t VALUES (1, 2);"
    )
    async with given() as (connection, execute):
        with pytest.raises(StatementFailed, match="the transaction could not be committed") as caught:
            await execute(plan_of(text), **limits)
        assert caught.value.line is None
        good = plan_of("CREATE TABLE t (a int);")
        tracked = Plan(statements=(*good.statements, Statement(sql="SELECT 1/0")), sources=good.sources)
        with pytest.raises(StatementFailed, match="division by zero") as caught:
            await execute(tracked, **limits)
        assert caught.value.line is None
        assert not connection.is_in_transaction()
    assert psql(database, RELATIONS) == "0"


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        Statement(sql="SELECT 1"),
        Statement(sql="SELECT 1", lock_timeout_s=63, statement_timeout_s=64),
        Statement(sql="COPY (SELECT 1) TO '/dev/null'"),
        Statement(sql="VACUUM", transactional=False),
        Statement(sql="VACUUM", transactional=False, statement_timeout_s=65),
    ],
    ids=["plain", "limits", "copy", "alone", "alone with limits"],
)
async def test_the_session_is_as_it_was_found(given, statement, broken):
    """Also what the caller SET, and also after an error."""
    plan = Plan(statements=(statement, *((Statement(sql="SELECT nope"),) if broken else ())))
    async with given() as (connection, execute):
        # Long ones: a VACUUM waits for those of other databases at the catalogs that they share.
        await connection.execute(
            "SET lock_timeout = '67s'; SET search_path = pg_catalog; SET statement_timeout = '68s'"
        )
        before = await connection.fetchval(FOUND)
        for limits in ({}, {"lock_timeout_s": 61, "statement_timeout_s": 62}):
            for atomic in (True, False) if statement.transactional else (False,):
                try:
                    await execute(plan, atomic=atomic, **limits)
                except StatementFailed:
                    assert broken
                assert await connection.fetchval(FOUND) == before


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("atomic", [False, True])
async def test_what_the_plan_sets_ends_with_it(given, plan_of, psql, server, atomic, broken):
    """The next migration begins as it would on a connection of its own."""
    text = "SET search_path = pg_catalog;\nSET ROLE pg_monitor;\nSELECT set_config('lock_timeout', '9s', false);\n"
    async with given() as (connection, execute):
        before = await connection.fetchval(FOUND)
        try:
            await execute(plan_of(text + ("SELECT nope;" if broken else "")), atomic=atomic, lock_timeout_s=5)
        except StatementFailed:
            assert broken
        assert await connection.fetchval(FOUND) == before


async def test_inside_of_the_callers_transaction(given, plan_of, database, psql):
    """Several migrations in one transaction: one that fails takes only itself back, the caller all of them."""
    async with given() as (connection, execute):
        with pytest.raises(ZeroDivisionError):
            async with execute.run.transaction(connection):
                before = await connection.fetchval(FOUND)
                await execute(plan_of("CREATE TABLE a AS SELECT current_setting('lock_timeout');"), lock_timeout_s=3)
                assert await connection.fetchval("TABLE a") == "3s"
                assert await connection.fetchval(FOUND) == before
                with pytest.raises(StatementFailed):
                    await execute(plan_of("CREATE TABLE b (); SELECT 1/0;"), lock_timeout_s=3)
                assert await connection.fetchval(FOUND) == before
                await execute(plan_of("CREATE TABLE c ();"), rollback=True)
                assert await connection.fetchval(RELATIONS) == 1
                raise ZeroDivisionError
        await connection.execute("SELECT 1")
    assert psql(database, RELATIONS) == "0"


async def test_limits_are_those_of_each_statement(given, database, psql):
    """In a transaction and outside; its own go first; what waits for old transactions only is not limited."""
    shown = "INSERT INTO shown SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    psql(database, "CREATE TABLE shown (a text, b text)")
    plan = Plan(
        statements=(
            Statement(sql=shown),
            Statement(sql=shown, lock_timeout_s=0.25),
            Statement(sql="SET LOCAL lock_timeout = '4s'"),
            Statement(sql=shown),
        )
    )
    async with given() as (_, execute):
        await execute(plan, lock_timeout_s=0.5, statement_timeout_s=90)
        assert psql(database, "TABLE shown") == "500ms|90s\n250ms|90s\n4s|90s"


async def test_a_lock_that_is_held_is_busy(given, plan_of, database):
    """With the statement that waited, however many there are; the caller's connection is free again."""
    async with given() as (connection, execute), execute.run.connect(database) as other:
        await other.execute("CREATE TABLE t (); CREATE TABLE u ()")
        async with execute.run.transaction(other):
            await other.execute("LOCK t IN ACCESS SHARE MODE")
            text = "SELECT 1;\nALTER TABLE u ADD a int;\nALTER TABLE t ADD a int;\nSELECT 2;"
            with pytest.raises(Busy) as caught:
                await execute(plan_of(text), lock_timeout_s=0.05)
            assert caught.value.line == 3
            assert not connection.is_in_transaction()


async def test_rolled_back(given, plan_of, execute, database, psql):
    """Nothing is left; what a COMMIT would refuse is refused."""
    plan = plan_of("CREATE TABLE t (a int); INSERT INTO t VALUES (1); SELECT 1;")
    deferred = plan_of(
        "CREATE TABLE t (a int PRIMARY KEY, b int REFERENCES t DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO t VALUES (1, 2);"
    )
    report = await execute(plan, rollback=True)
    assert report.statements == 3
    async with given() as (connection, on_given):
        assert (await on_given(plan, rollback=True, lock_timeout_s=1)).statements == 3
        assert not connection.is_in_transaction()
        with pytest.raises(StatementFailed, match="could not be committed"):
            await on_given(deferred, rollback=True)
    assert psql(database, RELATIONS) == "0"
    with pytest.raises(ConfigError, match="only a transaction can be rolled back"):
        await execute(plan, rollback=True, atomic=False)


@pytest.mark.parametrize("limits", [{}, {"lock_timeout_s": 5}])
@pytest.mark.parametrize("atomic", [False, True])
async def test_a_cancelled_call_leaves_the_connection_free(given, plan_of, database, psql, limits, atomic):
    """At every await in turn: no transaction, no setting."""
    plan = plan_of("CREATE TABLE t (a int);\nSET search_path = pg_catalog;\nSELECT 1;")
    count = 0
    async with given() as (connection, execute):
        before = await connection.fetchval(FOUND)

        async def work() -> None:
            await execute(plan, atomic=atomic, **limits)

        async for _ in at_every_await(work):
            assert not connection.is_in_transaction()
            assert await connection.fetchval(FOUND) == before
            count += 1
            await connection.execute("DROP TABLE IF EXISTS t")
    assert count > 1


async def test_a_long_statement_is_cancelled(given, plan_of, database, psql):
    """On the server too, with its locks."""
    async with given() as (connection, execute):
        with anyio.move_on_after(0.3) as scope:
            await execute(plan_of("CREATE TABLE t (a int);\nSELECT pg_sleep(3600);"), lock_timeout_s=1)
        assert scope.cancelled_caught
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT 1") == 1
    assert psql(database, RELATIONS) == "0"


@pytest.mark.parametrize("copy", [False, True])
async def test_a_connection_that_drops_at_the_commit(given, plan_of, database, psql, copy):
    """Nobody knows what came of it: it goes up as that, and nothing is tried again."""
    psql(
        database,
        "CREATE SEQUENCE tries; CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM nextval(''tries''), pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()",
    )
    text = "COPY t FROM stdin;\n1\n\\.\n" if copy else "INSERT INTO t VALUES (1);"
    with pytest.raises(ConnectionLost):
        async with given() as (_, execute):
            await execute(plan_of(text), lock_timeout_s=1, lock_retry_s=60)
    assert psql(database, "SELECT last_value, is_called FROM tries; SELECT count(*) FROM t") == "1|t\n0"


async def test_an_error_outside_of_a_plans_transaction_in_the_callers(given, plan_of):
    """The caller's transaction has failed, and takes the settings with it; the error is that of the statement."""
    async with given() as (connection, execute):
        await connection.execute("BEGIN")
        with pytest.raises(StatementFailed, match="division by zero"):
            await execute(plan_of("SET search_path = x; SELECT 1/0;"), atomic=False, lock_timeout_s=1)
        await connection.execute("ROLLBACK")
        assert await connection.fetchval("SHOW lock_timeout") == "0"
        assert await connection.fetchval("SHOW search_path") != "x"
