"""What is compared at once: ranges of the key where both servers have it in the same order, else all of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.quoting import quote_ident
from confiture.transfer import split_by_key

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.validating.relations import Compared
    from confiture_schema_to_schema.values import Catalog

__all__ = ["Segment", "bucket_count", "plan_segments"]

#: About what is read under one snapshot.
SEGMENT_ROWS: Final = 100_000
_SEGMENT_BYTES: Final = 256 * 1024 * 1024
#: Few enough that a bucket which differs is quickly looked at row by row, and their sums are few beside the rows.
_BUCKET_ROWS: Final = 500
_MOST_BUCKETS: Final = 16_384


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for which ``condition`` holds, SQL over the target's columns; its bounds are in ``settings``.

    ``buckets``: into how many it is cut by a hash of the key from the start, being read only once.
    """

    condition: str = "true"
    settings: Mapping[str, str] = {}
    buckets: int = 1
    estimated_rows: int = 0


def bucket_count(rows: int) -> int:
    """How many buckets so many rows are cut into: a power of 2."""
    return int(min(2 ** math.ceil(math.log2(max(rows / _BUCKET_ROWS, 1))), _MOST_BUCKETS))


async def plan_segments(
    target: Connection, compared: Compared, old: Catalog, *, segment_rows: int = SEGMENT_ROWS
) -> tuple[Segment, ...]:
    """Every row of either side is in exactly one of them."""
    table = compared.table.table
    rows = max(table.rows, sum(old.tables[part.source].rows for part in compared.table.parts))
    count = max(math.ceil(table.rows / segment_rows), math.ceil((table.bytes + table.toast) / _SEGMENT_BYTES))
    if count > 1 and _has_ranges(compared, old):
        chunks = await split_by_key(target, table.sql, compared.key, chunks=count, only=table.only)
        # Rows without a key are in no range. No table has them, but what a join gives might.
        lost = " OR ".join(f"{quote_ident(name)} IS NULL" for name in compared.key)
        return (
            *(
                Segment(condition=chunk.condition, settings=chunk.settings, estimated_rows=chunk.estimated_rows)
                for chunk in chunks
            ),
            *([Segment(condition=lost)] if len(chunks) > 1 else ()),
        )
    return (Segment(buckets=bucket_count(rows) if rows > segment_rows else 1, estimated_rows=rows),)


def _has_ranges(compared: Compared, old: Catalog) -> bool:
    """Whether each part can be read by ranges of the target's key, with an index."""
    if not compared.key or not compared.table.plain_key:
        return False
    for part in compared.table.parts:
        if not part.key or not all(name in part.plain for name in compared.key):
            return False
        columns = tuple(part.plain[name] for name in compared.key)
        if not any(key.columns[: len(columns)] == columns for key in old.tables[part.source].keys):
            return False
    return True
