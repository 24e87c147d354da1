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
from confiture_runner.recovery import recover
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
    except BaseException:
        if changes_session:
            await put_back(connection, lambda: reset(connection))
        raise
    if changes_session:
        await reset(connection)
    return rows, created


async def _run_batch(session: Session, batch: Batch) -> int:
    statement = session.plan.statements[batch.numbers[0]]
    if session.execution.interrupted and batch.numbers[0] == 0:
        left = await recover(session, statement)
        if left is None:
            return 0
        if left is not statement:
            session.plan = msgspec.structs.replace(session.plan, statements=(left, *session.plan.statements[1:]))
            statement = left
    if isinstance(statement, Backfill):
        return await run_backfill(session, batch.numbers[0], statement)

    async def attempt() -> int:
        async with sweeping(session, statement):
            return await session.run(batch)

    return await persistently(session, attempt)


def closing(statements: tuple[Statement, ...]) -> frozenset[int]:
    """The numbers of statements whose result can be used only after a commit."""
    return frozenset(number for number, statement in enumerate(statements) if _commits_before_use(statement))


def _commits_before_use(statement: Statement) -> bool:
    if statement.kind != "AlterEnumStmt":
        return False
    from confiture.sql.grammar import parse, unwrap
    from confiture.sql.transactional import commits_before_use

    return commits_before_use(unwrap(parse(statement.sql).stmts[0].stmt))
