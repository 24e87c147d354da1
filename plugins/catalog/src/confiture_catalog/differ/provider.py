"""The provider: the differ that the kernel finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import ConfitureError
from confiture.model import Decisions, DiffOptions, Matching, Plan, Schema
from confiture.protocols import Context

if TYPE_CHECKING:
    from confiture_catalog.additions import Addition

__all__ = ["CatalogDiffer"]


class CatalogDiffer:
    """Compares schemas as the inspector ``catalog`` reads them. Pure: it connects to nothing."""

    def __init__(self) -> None:
        self._additions: tuple[Addition, ...] | None = None

    async def match(self, ctx: Context, old: Schema, new: Schema, decisions: Decisions) -> Matching:
        """See ``Differ.match``."""
        from confiture_catalog.renames import match_names

        return match_names(old, new, decisions)

    async def diff(self, ctx: Context, old: Schema, new: Schema, options: DiffOptions) -> Plan:
        """See ``Differ.diff``. Raises ``PluginBroken`` where what others add to this plugin is broken."""
        from confiture_catalog.additions import blame, find_additions
        from confiture_catalog.differ.kinds import handlers
        from confiture_catalog.differ.planning import make_plan

        if self._additions is None:
            self._additions = find_additions(ctx)
        known = handlers(handler for each in self._additions for handler in each.handlers)
        try:
            plan = make_plan(old, new, options, known)
        except ConfitureError:
            raise
        except Exception as error:
            if (broken := blame(error, self._additions)) is not None:
                raise broken from error
            raise
        if not plan.statements:
            return plan
        from confiture.sql.effects import annotate

        return annotate(plan, old, version=options.target_version)
