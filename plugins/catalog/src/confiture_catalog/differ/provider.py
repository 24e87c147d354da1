"""The provider: the differ that the kernel finds."""

from __future__ import annotations

from confiture.model import Decisions, DiffOptions, Matching, Plan, Schema
from confiture.protocols import Context

__all__ = ["CatalogDiffer"]


class CatalogDiffer:
    """Compares schemas as the inspector ``catalog`` reads them. Pure: it connects to nothing."""

    async def match(self, ctx: Context, old: Schema, new: Schema, decisions: Decisions) -> Matching:
        """See ``Differ.match``."""
        from confiture_catalog.renames import match_names

        return match_names(old, new, decisions)

    async def diff(self, ctx: Context, old: Schema, new: Schema, options: DiffOptions) -> Plan:
        """See ``Differ.diff``."""
        from confiture_catalog.differ.planning import make_plan

        plan = make_plan(old, new, options)
        if not plan.statements:
            return plan
        from confiture.sql.effects import annotate

        return annotate(plan, old, version=options.target_version)
