"""The medium ``schema-to-schema-plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import PlanReport, PlanRequest

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["PlanMedium"]


class PlanMedium:
    """Reads, measures, and changes nothing. One instance may serve several runs."""

    request_type: type[PlanRequest] = PlanRequest

    async def run(self, ctx: Context, request: PlanRequest) -> PlanReport:
        """Say what a start would do. Errors among the findings are no exception: ``exit_code`` is 8 then."""
        raise NotImplementedError
