"""The first rows of each table go into a temporary table of the target, which is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["try_rows"]


async def try_rows(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> None:
    """Raises ``Refused`` naming table, column and constraint where the target does not take them."""
