"""Which engine moves which part, why, and how long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import Job, PartPlan

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["plan_parts"]


async def plan_parts(
    ctx: Context, job: Job, target: Target, *, stands_for: Target | None = None
) -> tuple[tuple[PartPlan, ...], tuple[Finding, ...]]:
    """The engine of each part, by the map, else by ``job.strategy``; errors where an engine cannot do what it is to.

    ``target`` is the new database, or a scratch one that ``stands_for`` it.
    """
    raise NotImplementedError
