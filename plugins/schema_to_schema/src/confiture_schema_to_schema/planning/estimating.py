"""How many rows a part gives, and what they and their indexes take on the new database's disk: by the servers' own
estimates, which cost no look at any row."""  # noqa: D205, D209

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.transfer import reading
from confiture_schema_to_schema.values import Job, Part, Table

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["Estimate", "read_estimates"]

#: A row's header, its line pointer, and what is lost to alignment (manual, "Database Page Layout").
_ROW_BYTES: Final = 32
#: An entry of an index over a number, with what a B-tree leaves free for later ones.
_ENTRY_BYTES: Final = 24
_INDEXES: Final = """
SELECT n.nspname || '.' || c.relname AS label, count(*) AS indexes
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.oid >= 16384
 GROUP BY 1
"""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Of one part: its rows, what they take in the new database's table, and what they add to its indexes."""

    rows: int
    table_bytes: int
    index_bytes: int


async def read_estimates(ctx: Context, job: Job, target: Target) -> Mapping[int, Estimate]:
    """By the part's number. ``target`` has the new schema. The planner is asked; nothing is run."""
    found: dict[int, Estimate] = {}
    async with reading(ctx, job.sides.source) as source, reading(ctx, target) as other:
        old = {row["label"]: row["indexes"] for row in await source.fetch(_INDEXES)}
        new = {row["label"]: row["indexes"] for row in await other.fetch(_INDEXES)}
        for table in job.tables:
            entry = max(_entry_bytes(job.old.tables[part.source], old) for part in table.parts)
            for part in table.parts:
                planned = await _planned(ctx, source, part)
                found[part.number] = _estimate(job, part, planned, entry * new.get(part.target, 0))
    return found


def _entry_bytes(table: Table, indexes: Mapping[str, int]) -> float:
    """What a row takes in each of the table's indexes."""
    count = indexes.get(table.label, 0)
    return max(table.index_bytes / count / table.rows, _ENTRY_BYTES) if count and table.rows else _ENTRY_BYTES


async def _planned(ctx: Context, source: Connection, part: Part) -> tuple[int, int] | None:
    """Rows and bytes of a row by the planner; None where it may not be asked, or what it says is no figure."""
    import asyncpg

    try:
        async with ctx.transaction(source):
            plan = json.loads(await source.fetchval(f"EXPLAIN (FORMAT JSON) {part.query}"))[0]["Plan"]
    except (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError):
        raise
    except asyncpg.PostgresError:  # who may not read the table is told by the findings
        return None
    return int(plan["Plan Rows"]), int(plan["Plan Width"])


def _estimate(job: Job, part: Part, planned: tuple[int, int] | None, entries_bytes: float) -> Estimate:
    """``entries_bytes``: what a row takes in all of the new table's indexes."""
    table = job.old.tables[part.source]
    if planned is None or table.rows == 0:  # of a table that it knows nothing of, the planner assumes ten pages
        rows, heap = table.rows, table.bytes
    else:
        rows, width = planned
        heap = rows * (width + _ROW_BYTES)
    share = min(rows / table.rows, 1.0) if table.rows else 1.0
    return Estimate(rows=rows, table_bytes=int(heap + table.toast * share), index_bytes=int(rows * entries_bytes))
