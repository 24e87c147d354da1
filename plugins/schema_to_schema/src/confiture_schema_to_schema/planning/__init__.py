"""Which engine moves which part, why, and how long it takes."""

from __future__ import annotations

from confiture_schema_to_schema.planning.engines import plan_parts

__all__ = ["plan_parts"]
