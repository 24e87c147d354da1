"""Which rule holds for which column: the file's, the command's, and what foreign keys hand on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from confiture.masking import Rule, inherit
from confiture_sync.selecting import find_columns
from confiture_sync.values import Catalog, Job, Selected

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["resolve_rules"]


async def resolve_rules(
    ctx: Context, job: Job, catalog: Catalog, selected: Selected
) -> Mapping[str, Mapping[str, Rule]]:
    """The rules by the tables' labels and the columns' names, for the tables that are copied.

    Raises ``ConfigError`` with file and line for a rule whose column is not there, ``UsageError`` for a column of
    ``--anonymize`` that has no rule and looks like nothing that there is a default for.
    """
    found: dict[str, dict[str, Rule]] = {}
    for table, columns in job.file.rules.items():
        for column, rule in columns.items():
            for place, name in find_columns(catalog, f"{table}.{column}", option="the file of rules"):
                found.setdefault(place.label, {})[name] = rule
    chosen = {table.label for table in selected.tables}
    rules = inherit([table.mask for table in catalog.tables.values()], found)
    return {label: columns for label, columns in rules.items() if label in chosen}
