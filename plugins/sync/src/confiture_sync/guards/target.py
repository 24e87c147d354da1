"""The target's tables take what is to come: they are empty, or it was said what becomes of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["check_target"]


async def check_target(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> None:
    """Raises ``Refused`` for tables that hold rows, and for what stands in the way of taking them out."""
