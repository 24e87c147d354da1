"""The map and both catalogs into one SELECT per way into a table of the new database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import Catalog, MigrationMap, Part, TargetTable

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["compile_map", "with_condition"]


async def compile_map(
    source: Connection,
    target: Connection,
    old: Catalog,
    new: Catalog,
    map_: MigrationMap,
    tables: Sequence[str] = (),
) -> tuple[tuple[TargetTable, ...], tuple[Finding, ...]]:
    """Every table of the new database that something fills, and all that is wrong, not the first of it.

    Both connections only describe queries: types, functions and casts are PostgreSQL's own answers. ``tables`` are
    names, of the old or the new database, as people write them; (): all of them. What is an error: a table or column
    of the old schema that the new one lacks and the map neither takes nor drops; a NOT NULL column of the new one that
    nothing fills; types between which PostgreSQL has no assignment cast; names that are not there. Raises
    ``UsageError`` for a name of ``tables`` that is of neither database.
    """
    raise NotImplementedError


def with_condition(part: Part, condition: str, *, relation: str | None = None) -> str:
    """The part's query with ``condition`` (SQL over the driving table by ``part.alias``) beside its own.

    ``relation``: SQL text that stands in the place of the driving table, a partition or ``ONLY`` of it.
    """
    raise NotImplementedError
