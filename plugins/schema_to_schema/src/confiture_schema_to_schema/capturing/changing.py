"""Tables that are no longer as they were when the migration began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from confiture.sql.grammar import walk
from confiture_schema_to_schema.cataloguing import only_added
from confiture_schema_to_schema.compiling import trees

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Part

__all__ = ["changed_tables"]


def changed_tables(
    before: Mapping[str, str], now: Mapping[str, str], parts: Iterable[Part], *, captured: bool
) -> list[str]:
    """Labels of those of which rows that are there and rows to come need not be of one kind.

    Fingerprints are by label. What passes: a column that was added, which no query takes; a partition that was added.
    One that is gone took its rows along: who captures changes (``captured``) sees to that.
    """
    parts = tuple(parts)
    return sorted(
        label for label, known in before.items() if not _passes(label, known, now.get(label, ""), parts, captured)
    )


def _passes(label: str, before: str, now: str, parts: tuple[Part, ...], captured: bool) -> bool:
    if before == now:
        return True
    added = only_added(before, now)
    if added is None or (added.gone and not captured):
        return False
    return not (added.columns and _takes_all(parts, label))


def _takes_all(parts: tuple[Part, ...], label: str) -> bool:
    """Whether a query has a star for the table's columns: one that is added is one more."""
    return any(
        node.DESCRIPTOR.name == "AStar"
        for part in parts
        if label in (part.source, *part.lookups)
        for node in walk(trees.select(part.query))
    )
