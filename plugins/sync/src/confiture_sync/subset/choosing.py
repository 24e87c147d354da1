"""From seeds to the rows of all tables: children that were asked for, then the parents of everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from confiture_sync.values import Catalog, Job, Selected, Selection

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["choose_rows"]


async def choose_rows(ctx: Context, job: Job, catalog: Catalog, selected: Selected) -> Mapping[str, Selection]:
    """The selection of each table, by label; a table that is copied whole has none."""
    return {}
