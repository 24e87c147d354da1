"""The rules of an executor. They need an empty database of their own."""

from __future__ import annotations

from typing import Any

import anyio

from confiture.errors import Busy, ConfitureError, StatementFailed
from confiture.model import Execution, ExecutionReport, Origin, Plan, SourceFile, Statement, Target
from confiture.protocols import Context, Executor
from confiture.testing.rules import expect, expect_async, expect_error, run_rules

__all__ = ["check_executor"]

_SCHEMA = "conformance"
_BATCHES = Execution(atomic=False)
#: How long it may take until an executor waits for a lock. One that only looks whether it is free is never seen to.
_MEETS_S = 20.0


async def check_executor(ctx: Context, executor: Executor, target: Target) -> None:
    """An executor keeps the rules of its kind, on ``target``, where it may do anything. Raises ``NotConforming``."""
    rules = (
        *(runs, takes_back, places, copies, keeps_session, runs_alone, limits, leaves_nothing, levels, digests),
        *(uses_connection, rolls_back, begins_again, measures),
    )
    for rule in rules:
        async with ctx.connect(target) as connection:
            await connection.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE; CREATE SCHEMA {_SCHEMA}")
        await run_rules((rule,), ctx, executor, target)
    async with ctx.connect(target) as connection:
        await connection.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")


def _plan(*statements: str | Statement) -> Plan:
    """A plan of one file; every statement has its place in it."""
    made: list[Statement] = []
    lines: list[str] = []
    for number, given in enumerate(statements, 1):
        statement = given if isinstance(given, Statement) else Statement(sql=given)
        offset = sum(len(line) + 1 for line in lines)
        lines.append(statement.sql + ";")
        origin = Origin(file="conformance.sql", line=number, column=1, offset=offset)
        fields = {name: getattr(statement, name) for name in statement.__struct_fields__}
        made.append(Statement(**{**fields, "origin": origin}))
    return Plan(statements=tuple(made), sources=(SourceFile("conformance.sql", "\n".join(lines)),))


async def _value(ctx: Context, target: Target, query: str) -> Any:
    async with ctx.connect(target) as connection:
        return await connection.fetchval(query)


async def _tables(ctx: Context, target: Target) -> list[str]:
    query = f"SELECT array_agg(relname::text ORDER BY 1) FROM pg_class WHERE relnamespace = '{_SCHEMA}'::regnamespace"
    return list(await _value(ctx, target, f"{query} AND relkind = 'r'") or [])


async def runs(ctx: Context, executor: Executor, target: Target) -> None:
    """Statements run in order, atomic or not, and the report counts them."""
    expect_async(executor, "execute")
    for name, execution in (("one", Execution()), ("two", _BATCHES)):
        table = f"{_SCHEMA}.{name}"
        change = f"UPDATE {table} SET n = n + 1"
        plan = _plan(f"CREATE TABLE {table} (n int)", f"INSERT INTO {table} VALUES (1)", change)
        report = await executor.execute(ctx, plan, target, execution)
        expect(isinstance(report, ExecutionReport), f"a report of type {type(report).__name__}")
        expect(report.statements == 3, f"{report.statements} statements in the report, not 3")
        expect(await _value(ctx, target, f"SELECT n FROM {table}") == 2, "another value than the order gives")


async def takes_back(ctx: Context, executor: Executor, target: Target) -> None:
    """Atomic: an error, also a late one, leaves the database as it was."""
    plan = _plan(f"CREATE TABLE {_SCHEMA}.kept (n int)", f"INSERT INTO {_SCHEMA}.kept SELECT 1 / 0")
    async with expect_error(StatementFailed, when="a division by zero"):
        await executor.execute(ctx, plan, target, Execution())
    expect(await _tables(ctx, target) == [], "the table of the statement before")
    deferred = _plan(
        f"CREATE TABLE {_SCHEMA}.t (id int PRIMARY KEY, r int REFERENCES {_SCHEMA}.t DEFERRABLE INITIALLY DEFERRED)",
        f"INSERT INTO {_SCHEMA}.t VALUES (1, 2)",
    )
    async with expect_error(StatementFailed, when="a constraint that is checked at COMMIT"):
        await executor.execute(ctx, deferred, target, Execution())
    expect(await _tables(ctx, target) == [], "the table after a COMMIT that failed")


async def places(ctx: Context, executor: Executor, target: Target) -> None:
    """An error names file and line, says what PostgreSQL said, with its SQLSTATE."""
    for execution in (Execution(), _BATCHES):
        plan = _plan("SELECT 1", f"SELECT *\nFROM {_SCHEMA}.nothing", "SELECT 2")
        async with expect_error(StatementFailed, when="a table that does not exist") as caught:
            await executor.execute(ctx, plan, target, execution)
        error = caught[0]
        expect(error.file == "conformance.sql", f"the file {error.file!r}")
        expect(error.line in (2, 3), f"line {error.line}, where the statement is in lines 2 and 3")
        expect("does not exist" in error.message, f"the message {error.message!r}")
        expect(error.sqlstate == "42P01", f"the SQLSTATE {error.sqlstate!r}")


async def copies(ctx: Context, executor: Executor, target: Target) -> None:
    """``copy_data`` is loaded through COPY and its rows are counted."""
    for name, execution in (("one", Execution()), ("two", _BATCHES)):
        copy = Statement(sql=f"COPY {_SCHEMA}.{name} FROM stdin", kind="CopyStmt", copy_data=b"1\ta;b\n2\t\\N\n")
        plan = _plan(f"CREATE TABLE {_SCHEMA}.{name} (n int, t text)", copy, f"UPDATE {_SCHEMA}.{name} SET n = n * 10")
        report = await executor.execute(ctx, plan, target, execution)
        expect(report.rows == 2, f"{report.rows} rows in the report, not 2")
        rows = "SELECT string_agg(n || coalesce(t, '-'), ' ' ORDER BY n) FROM"
        seen = await _value(ctx, target, f"{rows} {_SCHEMA}.{name}")
        expect(seen == "10a;b 20-", f"the rows {seen!r}")


async def keeps_session(ctx: Context, executor: Executor, target: Target) -> None:
    """A statement that changes the session holds for those after it, and for nobody else."""
    for name, execution in (("one", Execution()), ("two", _BATCHES)):
        setting = Statement(sql=f"SET search_path = {_SCHEMA}", kind="VariableSetStmt", session=True)
        await executor.execute(ctx, _plan(setting, f"CREATE TABLE {name} ()"), target, execution)
        expect(name in await _tables(ctx, target), f"no table {name!r} in the schema of the search path")
    path = await _value(ctx, target, "SHOW search_path")
    expect(_SCHEMA not in path, f"the next connection's search path {path!r}")


async def runs_alone(ctx: Context, executor: Executor, target: Target) -> None:
    """Not atomic: what PostgreSQL refuses in a transaction block runs alone, in its place."""
    index = Statement(sql=f"CREATE INDEX CONCURRENTLY i ON {_SCHEMA}.t (n)", kind="IndexStmt", transactional=False)
    plan = _plan(f"CREATE TABLE {_SCHEMA}.t (n int)", index, f"COMMENT ON INDEX {_SCHEMA}.i IS 'there'")
    await executor.execute(ctx, plan, target, _BATCHES)
    seen = await _value(ctx, target, f"SELECT obj_description('{_SCHEMA}.i'::regclass)")
    expect(seen == "there", f"the comment {seen!r}")


async def limits(ctx: Context, executor: Executor, target: Target) -> None:
    """``lock_timeout_s`` and ``statement_timeout_s`` are obeyed, and end with their statement."""
    async with ctx.connect(target) as other:
        await other.execute(f"CREATE TABLE {_SCHEMA}.t ()")
        async with ctx.transaction(other):
            await other.execute(f"LOCK TABLE {_SCHEMA}.t")
            for execution in (Execution(), _BATCHES):
                waits = Statement(sql=f"ALTER TABLE {_SCHEMA}.t ADD n int", lock_timeout_s=0.05)
                async with expect_error(ConfitureError, when="a lock that another session holds"):
                    await executor.execute(ctx, _plan(waits), target, execution)
    for execution in (Execution(), _BATCHES):
        sleeps = Statement(sql="SELECT pg_sleep(3600)", statement_timeout_s=0.05)
        async with expect_error(ConfitureError, when="a statement that takes too long"):
            await executor.execute(ctx, _plan(sleeps), target, execution)
    quick = Statement(sql="SELECT 1", statement_timeout_s=0.2)
    await executor.execute(ctx, _plan(quick, "SELECT pg_sleep(0.5)"), target, Execution())


async def leaves_nothing(ctx: Context, executor: Executor, target: Target) -> None:
    """A cancellation ends the statement on the server, takes the work back and leaves no session."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    sleeping = f"SELECT count(*) {others} AND wait_event = 'PgSleep'"
    plan = _plan(f"CREATE TABLE {_SCHEMA}.t ()", "SELECT pg_sleep(3600)")
    async with ctx.connect(target) as judge:
        before = await judge.fetchval(f"SELECT coalesce(array_agg(pid), '{{}}') {others}")
        left = f"SELECT count(*) {others} AND pid <> ALL ($1::int[])"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(executor.execute, ctx, plan, target, Execution())
            while not await judge.fetchval(sleeping):  # noqa: ASYNC110 - only the server knows
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        with anyio.move_on_after(10):
            while await judge.fetchval(left, before):  # noqa: ASYNC110 - only the server knows
                await anyio.sleep(0.01)
        expect(not await judge.fetchval(left, before), "a session is left")
    expect(await _tables(ctx, target) == [], "a table is left")


async def levels(ctx: Context, executor: Executor, target: Target) -> None:
    """Several connections give what one gives: a level begins when the one before it is done."""
    tables = [Statement(sql=f"CREATE TABLE {_SCHEMA}.t{n} (id int PRIMARY KEY)", level=0) for n in range(8)]
    keys = [
        Statement(sql=f"ALTER TABLE {_SCHEMA}.t{n} ADD FOREIGN KEY (id) REFERENCES {_SCHEMA}.t{n - 1}", level=1)
        for n in range(1, 8)
    ]
    report = await executor.execute(ctx, _plan(*tables, *keys), target, Execution(atomic=False, jobs=4))
    expect(report.statements == 15, f"{report.statements} statements in the report, not 15")
    count = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace ="
    seen = await _value(ctx, target, f"{count} '{_SCHEMA}'::regnamespace")
    expect(seen == 7, f"{seen} foreign keys, not 7")


async def digests(ctx: Context, executor: Executor, target: Target) -> None:
    """A database whose digest is not the plan's ``from_digest`` is refused before anything runs."""
    plan = _plan(f"CREATE TABLE {_SCHEMA}.t ()")
    plan = Plan(statements=plan.statements, sources=plan.sources, from_digest="of another schema")
    async with expect_error(ConfitureError, when="a digest of another schema"):
        await executor.execute(ctx, plan, target, Execution())
    expect(await _tables(ctx, target) == [], "the table is there")


async def uses_connection(ctx: Context, executor: Executor, target: Target) -> None:
    """A connection of the caller's is used, and its session left as it was found, also after an error."""
    found = "SELECT concat_ws(' ', current_setting('search_path'), current_setting('lock_timeout'), current_user)"
    async with ctx.connect(target) as connection:
        await connection.execute("CREATE TEMPORARY TABLE seen (n int)")
        before = await connection.fetchval(found)
        setting = Statement(sql=f"SET search_path = {_SCHEMA}", kind="VariableSetStmt", session=True)
        for atomic in (True, False):
            execution = Execution(atomic=atomic, lock_timeout_s=3, statement_timeout_s=60)
            plan = _plan(setting, "INSERT INTO pg_temp.seen VALUES (1)")
            await executor.execute(ctx, plan, target, execution, connection=connection)
            expect(await connection.fetchval(found) == before, "settings that the plan made")
            async with expect_error(StatementFailed, when="a division by zero"):
                await executor.execute(ctx, _plan(setting, "SELECT 1 / 0"), target, execution, connection=connection)
            expect(not connection.is_in_transaction(), "a transaction is open after an error")
            expect(await connection.fetchval(found) == before, "settings that a plan made which failed")
        expect(await connection.fetchval("SELECT count(*) FROM seen") == 2, "the plan ran on another connection")
        async with ctx.transaction(connection):
            plan = _plan(f"CREATE TABLE {_SCHEMA}.inside ()")
            await executor.execute(ctx, plan, target, Execution(), connection=connection)
            expect(connection.is_in_transaction(), "the caller's transaction was ended")
            expect(await _tables(ctx, target) == [], "the caller's transaction was committed")


async def rolls_back(ctx: Context, executor: Executor, target: Target) -> None:
    """With ``rollback`` everything runs and is taken back; what a COMMIT would refuse is refused."""
    plan = _plan(f"CREATE TABLE {_SCHEMA}.t (n int)", f"INSERT INTO {_SCHEMA}.t VALUES (1)")
    report = await executor.execute(ctx, plan, target, Execution(rollback=True))
    expect(report.statements == 2, f"{report.statements} statements in the report, not 2")
    expect(await _tables(ctx, target) == [], "the table is there")
    deferred = _plan(
        f"CREATE TABLE {_SCHEMA}.t (id int PRIMARY KEY, r int REFERENCES {_SCHEMA}.t DEFERRABLE INITIALLY DEFERRED)",
        f"INSERT INTO {_SCHEMA}.t VALUES (1, 2)",
    )
    async with expect_error(StatementFailed, when="a constraint that is checked at COMMIT"):
        await executor.execute(ctx, deferred, target, Execution(rollback=True))


async def begins_again(ctx: Context, executor: Executor, target: Target) -> None:
    """What meets a lock is begun again for ``lock_retry_s``, then ``Busy`` with its place, naming who holds it."""
    alter = f"ALTER TABLE {_SCHEMA}.t ADD"
    holder = {"application_name": "conformance holder"}
    async with ctx.connect(target, settings=holder) as other, anyio.create_task_group() as tasks:
        await other.execute(f"CREATE TABLE {_SCHEMA}.t ()")
        held = anyio.Event()
        waiting = f"""
            SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
             WHERE d.datname = current_database() AND l.relation = '{_SCHEMA}.t'::regclass AND NOT l.granted
        """

        async def hold() -> None:
            async with ctx.transaction(other):
                await other.execute(f"LOCK TABLE {_SCHEMA}.t")
                held.set()
                with anyio.move_on_after(_MEETS_S):  # until it has waited, and waits no more
                    for waits in (True, False):
                        while await other.fetchval(waiting) is not waits:  # noqa: ASYNC110 - only the server knows
                            await anyio.sleep(0.01)

        tasks.start_soon(hold)
        await held.wait()
        execution = Execution(lock_timeout_s=0.05, lock_retry_s=60)
        report = await executor.execute(ctx, _plan(f"{alter} a int"), target, execution)
        expect(report.retries > 0, "no retry in the report, though the table was locked")
    async with ctx.connect(target, settings=holder) as other, ctx.transaction(other):
        await other.execute(f"LOCK TABLE {_SCHEMA}.t")
        execution = Execution(lock_timeout_s=0.05, lock_retry_s=0.2)
        async with expect_error(Busy, when="a table that stays locked") as caught:
            await executor.execute(ctx, _plan("SELECT 1", f"{alter} b int"), target, execution)
        expect(caught[0].line == 2, f"line {caught[0].line}, where the statement is in line 2")
        expect("conformance holder" in str(caught[0].as_dict()), "no word of who holds the lock")


async def measures(ctx: Context, executor: Executor, target: Target) -> None:
    """With ``measure`` the report has each statement's time, and its locks on what was there before."""
    async with ctx.connect(target) as connection:
        await connection.execute(f"CREATE TABLE {_SCHEMA}.t ()")
    plan = _plan("SELECT pg_sleep(0.1)", f"ALTER TABLE {_SCHEMA}.t ADD a int", f"CREATE TABLE {_SCHEMA}.u ()")
    report = await executor.execute(ctx, plan, target, Execution(measure=True))
    numbers = [measurement.number for measurement in report.measured]
    expect(numbers == [0, 1, 2], f"measurements of the statements {numbers}, not 0 to 2")
    expect(report.measured[0].seconds >= 0.1, f"{report.measured[0].seconds} seconds for a sleep of 0.1")
    locks = report.measured[1].locks
    expect(("AccessExclusiveLock", f"{_SCHEMA}.t") in locks, f"the locks {locks!r} of an ALTER TABLE")
    expect(report.measured[2].locks == (), f"the locks {report.measured[2].locks!r} of a CREATE TABLE")
