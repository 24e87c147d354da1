"""The executor ``runner``."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from confiture.errors import ConfigError, Refused, UnsupportedScript
from confiture.hooks import INSPECTOR
from confiture.model import Execution, ExecutionReport, Plan, Progress, Statement, StepFinished, StepStarted
from confiture_runner.failures import refuse_untransactional
from confiture_runner.ordered import closing, run_in_order
from confiture_runner.parallel import run_parallel
from confiture_runner.roles import provide_roles
from confiture_runner.session import Session
from confiture_runner.transactions import run_atomic

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["Runner"]

_STEP = "execute"
#: A deadlock between connections is resolved by running again: the sooner it is found, the better. Only superusers may
#: say so, as on the embedded server; elsewhere it takes the default of a second.
_QUICK_DEADLOCKS = "SELECT set_config('deadlock_timeout', '50ms', false) WHERE current_setting('is_superuser') = 'on'"


class Runner:
    """Runs a plan in one transaction, or in batches that commit, over one or several connections."""

    async def execute(
        self,
        ctx: Context,
        plan: Plan,
        target: Target,
        execution: Execution,
        *,
        connection: Connection | None = None,
    ) -> ExecutionReport:
        """See ``Executor.execute``.

        Atomic: one transaction; ``UnsupportedScript`` before anything runs where a statement cannot be part of one.
        Not atomic: an error leaves what has committed before; what cannot run in a transaction runs alone, in order.
        On a connection of the caller's no step is announced, that being the caller's; where the plan changes the
        session, it is reset afterwards, and with it what the caller had SET.
        Raises ``StatementFailed``, ``DiskFull``, ``FeatureMissing``, ``Busy`` with the place in the file,
        ``RoleMissing`` before anything runs, ``Refused`` where the database is not at ``plan.from_digest``.
        """
        _check(plan, execution, connection)
        if plan.from_digest is not None:
            await _check_digest(ctx, plan, target)
        started = time.monotonic()
        if connection is not None:
            session = Session(ctx, connection, plan, execution, given=True)
            with session.listening():
                rows, created = await _run(session, _nobody)
        else:
            rows, created, session = await _run_connected(ctx, plan, target, execution)
        return ExecutionReport(
            statements=len(plan.statements),
            rows=rows,
            seconds=time.monotonic() - started,
            roles_created=created,
            retries=session.retries,
            measured=tuple(session.measured),
        )


def _nobody(count: int) -> None:
    """Hears how many statements have run since."""


async def _run(session: Session, done: Callable[[int], None]) -> tuple[int, tuple[str, ...]]:
    return await (run_atomic if session.execution.atomic else run_in_order)(session, done)


async def _run_connected(
    ctx: Context, plan: Plan, target: Target, execution: Execution
) -> tuple[int, tuple[str, ...], Session]:
    """Run it on connections of its own, as a step; rows, roles created, the first session."""
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
            session = Session(ctx, connection, plan, execution)
            stack.enter_context(session.listening())
            sessions.append(session)
        if len(sessions) == 1:
            rows, created = await _run(sessions[0], done)
        else:
            created = await provide_roles(ctx, sessions[0].connection, plan, execution)
            for session in sessions:
                await session.connection.execute(_QUICK_DEADLOCKS)
            rows = await run_parallel(sessions, plan.statements, closing(plan.statements), done)
    ctx.emit(StepFinished(step=_STEP, seconds=time.monotonic() - started, summary=f"{total} statements"))
    return rows, created, sessions[0]


def _check(plan: Plan, execution: Execution, connection: Connection | None) -> None:
    if execution.jobs < 1:
        raise ConfigError(f"jobs must be at least 1, not {execution.jobs}")
    if execution.jobs > 1 and connection is not None:
        raise ConfigError("one connection cannot do several jobs", hint="jobs = 1, or no connection")
    if execution.rollback and not execution.atomic:
        raise ConfigError("only a transaction can be rolled back", hint="atomic, or no rollback")
    if execution.atomic:
        if execution.jobs > 1:
            raise ConfigError("one transaction cannot span several connections", hint="jobs = 1, or not atomic")
        refuse_untransactional(plan, rollback=execution.rollback)
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


async def _check_digest(ctx: Context, plan: Plan, target: Target) -> None:
    if plan.from_digest is None:
        return
    schema = await ctx.get(INSPECTOR, "catalog").inspect(ctx, target)
    if schema.digest != plan.from_digest:
        raise Refused(
            f"the schema of {target.label!r} is not the one that the plan was made for",
            hint="make the plan again from the database as it is now",
        )
