"""The medium ``schema-to-schema-validate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import ValidateReport, ValidateRequest

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["ValidateMedium"]


class ValidateMedium:
    """Reads both sides, and writes nothing. One instance may serve several runs."""

    request_type: type[ValidateRequest] = ValidateRequest

    async def run(self, ctx: Context, request: ValidateRequest) -> ValidateReport:
        """Compare."""
        raise NotImplementedError
