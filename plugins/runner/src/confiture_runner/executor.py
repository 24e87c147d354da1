"""The executor ``runner``."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from confiture.errors import ConfigError, Refused, UnsupportedScript
from confiture.hooks import INSPECTOR
from confiture.locks import is_pooled
from confiture.model import Execution, ExecutionReport, Note, Plan, Progress, Statement, StepFinished, StepStarted
from confiture_runner.batches import cut
from confiture_runner.failures import commit_failure, refuse_untransactional
from confiture_runner.parallel import run_parallel
from confiture_runner.roles import create_roles, missing_error, missing_roles
from confiture_runner.session import Session

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["Runner"]

_STEP = "execute"
#: A deadlock between connections is resolved by running again: the sooner it is found, the better. Only superusers may
#: say so, as on the embedded server; elsewhere it takes the default of a second.
_QUICK_DEADLOCKS = "SELECT set_config('deadlock_timeout', '50ms', false) WHERE current_setting('is_superuser') = 'on'"


class Runner:
    """Runs a plan in one transaction, or in batches that commit, over one or several connections."""

    async def execute(self, ctx: Context, plan: Plan, target: Target, execution: Execution) -> ExecutionReport:
        """See ``Executor.execute``.

        Atomic: one transaction; ``UnsupportedScript`` before anything runs where a statement cannot be part of one.
        Not atomic: an error leaves what has committed before; what cannot run in a transaction runs alone, in order.
        Raises ``StatementFailed``, ``DiskFull``, ``FeatureMissing``, ``Busy`` with the place in the file,
        ``RoleMissing`` before anything runs, ``Refused`` where the database is not at ``plan.from_digest``.
        """
        _check(plan, execution)
        await _check_digest(ctx, plan, target)
        started = time.monotonic()
        total = len(plan.statements)
        ctx.emit(StepStarted(step=_STEP, label=f"run {total} statements"))
        finished = 0

        def done(count: int) -> None:
            nonlocal finished
            finished += count
            ctx.emit(Progress(step=_STEP, done=finished, total=total))

        async with AsyncExitStack() as stack:
            sessions = []
            for _ in range(max(1, min(execution.jobs, total))):
                connection = await stack.enter_async_context(ctx.connect(target))
                session = Session(ctx, connection, plan, atomic=execution.atomic)
                stack.enter_context(session.listening())
                sessions.append(session)
            if execution.atomic:
                rows, created = await _run_atomic(ctx, sessions[0], plan, execution, done)
            else:
                created = await _provide_roles(ctx, sessions[0], plan, execution)
                closing = _closing(plan.statements)
                if len(sessions) == 1:
                    rows = 0
                    for batch in cut(plan.statements, range(total), closing=closing):
                        rows += await sessions[0].run(batch)
                        done(len(batch.numbers))
                else:
                    for session in sessions:
                        await session.connection.execute(_QUICK_DEADLOCKS)
                    rows = await run_parallel(sessions, plan.statements, closing, done)
        seconds = time.monotonic() - started
        ctx.emit(StepFinished(step=_STEP, seconds=seconds, summary=f"{total} statements"))
        return ExecutionReport(statements=total, rows=rows, seconds=seconds, roles_created=created)


async def _run_atomic(
    ctx: Context, session: Session, plan: Plan, execution: Execution, done: Callable[[int], None]
) -> tuple[int, tuple[str, ...]]:
    import asyncpg

    rows = 0
    whole = False
    try:
        async with ctx.transaction(session.connection):
            created = await _provide_roles(ctx, session, plan, execution)
            for batch in cut(plan.statements, range(len(plan.statements))):
                rows += await session.run(batch)
                done(len(batch.numbers))
            if any(statement.session for statement in plan.statements) and await is_pooled(session.connection):
                # The session is the pooler's: the next client would find our search_path or role in it.
                await session.connection.execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL")
            whole = True
    except asyncpg.PostgresError as error:
        if whole and not session.connection.is_closed():
            raise commit_failure(error) from error
        raise
    return rows, created


async def _provide_roles(ctx: Context, session: Session, plan: Plan, execution: Execution) -> tuple[str, ...]:
    missing = await missing_roles(session.connection, plan)
    if not missing:
        return ()
    if not execution.create_roles:
        raise missing_error(plan, missing)
    created = await create_roles(ctx, session.connection, missing)
    if created:
        ctx.emit(Note(message=f"created without login, as the schema names them: roles {', '.join(created)}"))
    return created


def _check(plan: Plan, execution: Execution) -> None:
    if execution.jobs < 1:
        raise ConfigError(f"jobs must be at least 1, not {execution.jobs}")
    if execution.atomic:
        if execution.jobs > 1:
            raise ConfigError("one transaction cannot span several connections", hint="jobs = 1, or not atomic")
        refuse_untransactional(plan)
    for statement in plan.statements:
        if statement.copy_data is None and _copies_from_client(statement):
            raise UnsupportedScript(
                "COPY ... FROM stdin has no data",
                file=statement.origin.file if statement.origin else None,
                line=statement.origin.line if statement.origin else None,
                hint="it would wait for ever: give the statement its data",
            )


def _copies_from_client(statement: Statement) -> bool:
    """Whether executing the bare statement would wait for data for ever."""
    if statement.kind not in ("", "CopyStmt") or "copy" not in statement.sql.lower():
        return False
    from confiture.sql.grammar import GrammarError, parse, unwrap

    try:
        nodes = [unwrap(raw.stmt) for raw in parse(statement.sql).stmts]
    except GrammarError:
        return False  # the server will say what is wrong with it
    return any(
        type(node).__name__ == "CopyStmt" and node.is_from and not node.filename and not node.is_program
        for node in nodes
    )


def _closing(statements: tuple[Statement, ...]) -> frozenset[int]:
    """The numbers of statements whose result can be used only after a commit."""
    return frozenset(number for number, statement in enumerate(statements) if _commits_before_use(statement))


def _commits_before_use(statement: Statement) -> bool:
    if statement.kind != "AlterEnumStmt":
        return False
    from confiture.sql.grammar import parse, unwrap
    from confiture.sql.transactional import commits_before_use

    return commits_before_use(unwrap(parse(statement.sql).stmts[0].stmt))


async def _check_digest(ctx: Context, plan: Plan, target: Target) -> None:
    if plan.from_digest is None:
        return
    schema = await ctx.get(INSPECTOR, "catalog").inspect(ctx, target)
    if schema.digest != plan.from_digest:
        raise Refused(
            f"the schema of {target.label!r} is not the one that the plan was made for",
            hint="make the plan again from the database as it is now",
        )
