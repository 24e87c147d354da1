"""The medium ``schema-to-schema-map``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import MapReport, MapRequest

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["MapMedium"]


class MapMedium:
    """Compares the schemas, and writes what the map must say. One instance may serve several runs."""

    request_type: type[MapRequest] = MapRequest

    async def run(self, ctx: Context, request: MapRequest) -> MapReport:
        """Write the file. Raises ``Refused`` where there is one already."""
        raise NotImplementedError
