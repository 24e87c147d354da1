"""A plan outside of one transaction, on one connection: in batches that commit, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from confiture.connect import settle
from confiture.model import Statement
from confiture_runner.batches import BATCH_STATEMENTS, cut
from confiture_runner.limits import careful, common_limits, limited
from confiture_runner.roles import provide_roles
from confiture_runner.transactions import RESET

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
                rows += await session.run(batch)
                done(len(batch.numbers))
    finally:
        if changes_session:
            await settle(connection, lambda: connection.execute(RESET))
    return rows, created


def closing(statements: tuple[Statement, ...]) -> frozenset[int]:
    """The numbers of statements whose result can be used only after a commit."""
    return frozenset(number for number, statement in enumerate(statements) if _commits_before_use(statement))


def _commits_before_use(statement: Statement) -> bool:
    if statement.kind != "AlterEnumStmt":
        return False
    from confiture.sql.grammar import parse, unwrap
    from confiture.sql.transactional import commits_before_use

    return commits_before_use(unwrap(parse(statement.sql).stmts[0].stmt))
