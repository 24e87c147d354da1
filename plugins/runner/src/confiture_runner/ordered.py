"""A plan outside of one transaction, on one connection: in batches that commit, in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from confiture.migrations.backfill import Backfill
from confiture.model import Measurement, Statement
from confiture_runner.backfills import run_backfill
from confiture_runner.batches import BATCH_STATEMENTS, Batch, cut
from confiture_runner.leftovers import sweeping
from confiture_runner.limits import careful, common_limits, limited, put_back
from confiture_runner.recovery import recover, repeatable
from confiture_runner.retries import persistently
from confiture_runner.roles import provide_roles
from confiture_runner.transactions import reset

if TYPE_CHECKING:
    from confiture_runner.session import Session

__all__ = ["closing", "run_in_order"]


async def run_in_order(session: Session, done: Callable[[int], None]) -> tuple[int, tuple[str, ...]]:
    """Run the plan in order; rows copied, roles created. Raises as :meth:`Session.run`."""
    connection, plan, execution = session.connection, session.plan, session.execution
    created = await provide_roles(session.ctx, connection, plan, execution)
    changes_session = session.given and any(statement.session for statement in plan.statements)
    most = 1 if careful(execution) else BATCH_STATEMENTS
    rows = 0
    try:
        async with limited(connection, common_limits(execution)):
            numbers = range(len(plan.statements))
            for batch in cut(plan.statements, numbers, closing=closing(plan.statements), most=most):
                started = time.monotonic()
                rows += await _run_batch(session, batch)
                if execution.measure:  # its locks are gone with its transaction
                    measurement = Measurement(number=batch.numbers[0], seconds=time.monotonic() - started)
                    session.measured.append(measurement)
                done(len(batch.numbers))
        if changes_session:
            await reset(connection)
    except BaseException:
        if changes_session:
            await put_back(connection, lambda: reset(connection))
        raise
    return rows, created


async def _run_batch(session: Session, batch: Batch) -> int:
    number = batch.numbers[0]
    statement = session.plan.statements[number]
    if isinstance(statement, Backfill):
        return await run_backfill(session, number, statement)
    begun = session.execution.interrupted and number == 0

    async def attempt() -> int:
        nonlocal statement, begun
        if begun:
            left = await recover(session, statement)
            if left is None:
                return 0
            if left is not statement:
                statements = list(session.plan.statements)
                statements[number] = statement = left
                session.plan = msgspec.structs.replace(session.plan, statements=tuple(statements))
        # A partition may be half detached when a lock is met; invalid indexes are swept away.
        begun = not statement.transactional and statement.kind == "AlterTableStmt"
        async with sweeping(session, statement):
            return await session.run(batch)

    return await persistently(session, attempt, repeatable=repeatable(statement))


def closing(statements: tuple[Statement, ...]) -> frozenset[int]:
    """The numbers of statements whose result can be used only after a commit."""
    return frozenset(number for number, statement in enumerate(statements) if _commits_before_use(statement))


def _commits_before_use(statement: Statement) -> bool:
    if statement.kind != "AlterEnumStmt":
        return False
    from confiture.sql.grammar import parse, unwrap
    from confiture.sql.transactional import commits_before_use

    return commits_before_use(unwrap(parse(statement.sql).stmts[0].stmt))
