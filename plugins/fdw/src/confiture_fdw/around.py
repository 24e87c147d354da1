"""The transaction of the rows on the target, and the statements around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from confiture.transfer import set_local
from confiture_fdw.failures import telling

if TYPE_CHECKING:
    from confiture.model import Statement, TransferTask
    from confiture.protocols import Connection, Context

__all__ = ["rows_transaction", "run_statements"]


class _TakenBack(Exception):
    """Ends a transaction that nobody wants to keep."""


@asynccontextmanager
async def rows_transaction(ctx: Context, target: Connection, *, rollback: bool) -> AsyncIterator[None]:
    """A transaction; it is rolled back in the end where all is only tried."""
    with suppress(_TakenBack):
        async with ctx.transaction(target):
            yield
            if rollback:
                await target.execute("SET CONSTRAINTS ALL IMMEDIATE")
                raise _TakenBack


async def run_statements(target: Connection, task: TransferTask, statements: Sequence[Statement], when: str) -> None:
    """Each with its limits of time."""
    async with telling(f"a statement {when} the rows of {task.table!r} on {task.target.label!r}"):
        for statement in statements:
            limits = {
                name: f"{seconds * 1000:.0f}"
                for name, seconds in (
                    ("lock_timeout", statement.lock_timeout_s),
                    ("statement_timeout", statement.statement_timeout_s),
                )
                if seconds is not None
            }
            former = {name: await target.fetchval("SELECT current_setting($1)", name) for name in limits}
            await set_local(target, limits)
            await target.execute(statement.sql)
            await set_local(target, former)
