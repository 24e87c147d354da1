"""The medium ``schema-to-schema-pause``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import PauseReport, PauseRequest

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["PauseMedium"]


class PauseMedium:
    """Tells the process that copies, through the state on the target. One instance may serve several runs."""

    request_type: type[PauseRequest] = PauseRequest

    async def run(self, ctx: Context, request: PauseRequest) -> PauseReport:
        """Raises ``Refused`` where there is no migration that is not finished."""
        raise NotImplementedError
