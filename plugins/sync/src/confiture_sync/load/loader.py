"""Makes the target's tables ready to take rows, and puts them back as they were."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from confiture.model import Statement
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Loader"]


class Loader:
    """Around the copy: entering takes off what would be in its way, :meth:`finish` puts it back.

    Left by an error or a cancellation, either everything stays off for a later run to put back (``resumable``), or
    tables that are not complete are emptied and everything is put back.
    """

    def __init__(self, ctx: Context, job: Job, plans: Sequence[TablePlan]) -> None:
        self.ctx = ctx
        self.job = job
        self.plans = plans

    async def __aenter__(self) -> Loader:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def before(self, plan: TablePlan) -> tuple[Statement, ...]:
        """What runs in the transaction of a chunk's rows, before them."""
        return ()

    def after(self, plan: TablePlan) -> tuple[Statement, ...]:
        """What runs in the transaction of a chunk's rows, after them."""
        return ()

    async def finish(self) -> None:
        """All rows are there: indexes, constraints, triggers, sequences, ANALYZE."""
