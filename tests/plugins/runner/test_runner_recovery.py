"""What came of a statement that a killed run had begun, kind by kind; the judge is the catalog."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import OutcomeUnknown
from confiture.migrations.backfill import backfill_statement
from confiture.model import Note, Origin, Plan, Statement

pytestmark = pytest.mark.anyio

INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass"
OID = "SELECT coalesce(to_regclass('{}')::oid, 0)"


@pytest.fixture
def resume(execute):
    """``await resume(sql)``: runs it as one that may have been begun; whether it was found done."""

    async def resume(statement: str | Statement) -> bool:
        if isinstance(statement, str):
            origin = Origin(file="m.py", line=7, column=1, offset=0)
            statement = Statement(sql=statement, transactional=False, origin=origin)
        await execute(Plan(statements=(statement,)), atomic=False, interrupted=True, lock_timeout_s=1)
        return any(isinstance(event, Note) and "took place" in event.message for event in execute.events)

    return resume


async def test_a_named_index(resume, database, psql):
    """There and valid: done. There and invalid: dropped and built. Not there: built."""
    psql(database, "CREATE SCHEMA s; CREATE TABLE s.t (a int)")
    build = "CREATE INDEX CONCURRENTLY i ON s.t (a)"
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 's.i'::regclass"
    assert not await resume(build)
    first = psql(database, OID.format("s.i"))
    assert await resume(build)
    assert psql(database, OID.format("s.i")) == first
    psql(database, INVALID.format("s.i"))
    assert not await resume(build)
    assert psql(database, valid) == "t"
    assert psql(database, OID.format("s.i")) != first


async def test_an_index_of_that_name_on_another_table_is_not_it(resume, database, psql):
    """PostgreSQL then says that the name is taken."""
    psql(database, "CREATE TABLE t (a int); CREATE TABLE u (a int); CREATE INDEX i ON u (a)")
    with pytest.raises(Exception, match='relation "i" already exists'):
        await resume("CREATE INDEX CONCURRENTLY i ON t (a)")


async def test_an_index_without_a_name(resume, database, psql):
    """One that may be it stops the run: it may be older. Invalid ones of that form are nobody's."""
    psql(database, "CREATE TABLE t (a int, b int); CREATE INDEX ON t (b); CREATE UNIQUE INDEX ON t (a)")
    assert not await resume("CREATE INDEX CONCURRENTLY ON t (a)")
    with pytest.raises(OutcomeUnknown, match="CREATE INDEX CONCURRENTLY may have been run") as caught:
        await resume("CREATE INDEX CONCURRENTLY ON t (a)")
    assert caught.value.where == "m.py:7:1"
    assert "--again" in caught.value.hint
    psql(database, INVALID.format("t_a_idx1"))
    before = psql(database, OID.format("t_a_idx1"))
    assert not await resume("CREATE INDEX CONCURRENTLY ON t (a)")
    assert psql(database, OID.format("t_a_idx1")) not in (before, "0")
    assert psql(database, "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid") == "3"
    assert not await resume("CREATE INDEX CONCURRENTLY ON t ((a + 1))")
    with pytest.raises(OutcomeUnknown):
        await resume("CREATE INDEX CONCURRENTLY ON t ((a + 1))")


async def test_a_drop_of_an_index(resume, database, psql):
    """An index half-dropped is invalid, and is dropped."""
    psql(database, 'CREATE TABLE t (a int); CREATE INDEX "I i" ON t (a)')
    psql(database, INVALID.format('"I i"'))
    assert not await resume('DROP INDEX CONCURRENTLY "I i"')
    assert psql(database, OID.format('"I i"')) == "0"
    assert await resume('DROP INDEX CONCURRENTLY public."I i"')


async def test_what_may_be_done_twice(resume, database, psql):
    """VACUUM, REINDEX and their like; the copies that a REINDEX left are removed first."""
    psql(database, "CREATE TABLE t (a int); CREATE INDEX i ON t (a); CREATE INDEX i_ccnew ON t (a)")
    psql(database, INVALID.format("i_ccnew"))
    for sql in ("VACUUM t", "CLUSTER", "CHECKPOINT", "REINDEX INDEX CONCURRENTLY i", "DISCARD ALL", "ANALYZE t"):
        assert not await resume(sql)
    assert psql(database, "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == "1"
    psql(database, "INSERT INTO t VALUES (1), (2)")
    await resume(backfill_statement("t", "a = 5", "a <> 5", 10))
    assert psql(database, "SELECT sum(a) FROM t") == "10"


async def test_a_partition_that_is_detached(resume, execute, kernel_run, database, psql):
    """Not begun, pending, done."""
    psql(
        database,
        "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)",
    )
    detach = "ALTER TABLE p DETACH PARTITION {} CONCURRENTLY"
    assert not await resume(detach.format("p1"))
    assert await resume(detach.format("p1"))
    # An old transaction holds up the second half; the run is cut there.
    async with kernel_run(database=database) as run, run.connect(database) as reader, run.connect(database) as cut:
        async with run.transaction(reader):
            await reader.fetch("TABLE p")
            pending = "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'p2'::regclass"

            async def end_it() -> None:
                while psql(database, pending) != "t":
                    await anyio.sleep(0.02)
                psql(database, f"SELECT pg_cancel_backend({cut.get_server_pid()})")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(end_it)
                with anyio.fail_after(60), pytest.raises(Exception, match="canceling statement"):
                    await cut.execute(detach.format("p2"))
        assert psql(database, pending) == "t"
        assert not await resume(detach.format("p2"))
        assert psql(database, pending) == ""
    with pytest.raises(Exception, match="does not exist"):
        await resume(detach.format("p3"))


async def test_databases(resume, database, psql):
    """By whether they are there."""
    name = f"{database.database}_made"
    assert not await resume(f'CREATE DATABASE "{name}"')
    assert await resume(f'CREATE DATABASE "{name}"')
    assert psql(database, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == "1"
    assert await resume(f'ALTER DATABASE "{name}" SET TABLESPACE pg_default')
    assert not await resume(f'DROP DATABASE "{name}"')
    assert await resume(f'DROP DATABASE "{name}"')


async def test_tablespaces_and_subscriptions(resume, database, psql):
    """Those that are gone need not be dropped, those that are there not be made."""
    assert await resume("DROP TABLESPACE gone")
    assert await resume("CREATE TABLESPACE pg_default LOCATION '/nowhere'")
    assert await resume("DROP SUBSCRIPTION gone")
    psql(database, "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)")
    assert await resume("CREATE SUBSCRIPTION s CONNECTION 'host=nowhere' PUBLICATION p")
    psql(database, "ALTER SUBSCRIPTION s SET (slot_name = NONE)")
    assert not await resume("DROP SUBSCRIPTION s")
    assert psql(database, "SELECT count(*) FROM pg_subscription WHERE subname = 's'") == "0"


@pytest.mark.parametrize(
    "sql", ["CALL p()", "DO $$ BEGIN COMMIT; END $$", "ALTER SUBSCRIPTION s ADD PUBLICATION p", "SELECT 1"]
)
async def test_what_nobody_can_know(resume, database, psql, sql):
    """It is not guessed, and not run."""
    psql(database, "CREATE TABLE t (); CREATE PROCEDURE p() LANGUAGE sql AS 'DROP TABLE t'")
    with pytest.raises(OutcomeUnknown, match="nothing tells whether it was") as caught:
        await resume(sql)
    assert (caught.value.file, caught.value.line) == ("m.py", 7)
    assert psql(database, "SELECT count(*) FROM pg_class WHERE relname = 't'") == "1"


async def test_a_backend_that_was_killed(given, resume, database, psql):
    """The server ends the build in the middle; the run is told so, and the next one begins it anew."""
    psql(database, "CREATE TABLE t (a int)")
    build = "CREATE INDEX CONCURRENTLY i ON t (a)"
    plan = Plan(statements=(Statement(sql=build, transactional=False),))
    async with (
        given() as (connection, execute),
        execute.run.connect(database) as other,
        execute.run.transaction(other),
        anyio.create_task_group() as tasks,
    ):
        await other.execute("INSERT INTO t VALUES (1)")

        async def kill() -> None:
            while psql(database, "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == "0":
                await anyio.sleep(0.02)
            psql(database, f"SELECT pg_terminate_backend({connection.get_server_pid()})")

        tasks.start_soon(kill)
        with pytest.raises(Exception, match=r"terminating connection|closed"):
            await execute(plan, atomic=False, lock_retry_s=60)
        pid = connection.get_server_pid()
    # It says so before it ends, and builds until then.
    while psql(database, f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") != "0":
        await anyio.sleep(0.02)
    assert psql(database, "SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass") == "f"
    assert not await resume(build)
    assert psql(database, "SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass") == "t"
