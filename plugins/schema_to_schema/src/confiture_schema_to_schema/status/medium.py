"""The medium ``schema-to-schema-status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import StatusReport, StatusRequest

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["StatusMedium"]


class StatusMedium:
    """Reads the state on the target. One instance may serve several runs."""

    request_type: type[StatusRequest] = StatusRequest

    async def run(self, ctx: Context, request: StatusRequest) -> StatusReport:
        """How far it is."""
        raise NotImplementedError
