"""What the old database's own constraints prove of its rows, and what they only seem to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture_schema_to_schema.tracing import TracedPart, trace

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.values import Job

__all__ = ["Facts", "read_facts"]

# to_jsonb(k): NOT NULL has rows of its own there since 18, and conenforced is of that version too.
_UNPROVEN = """
SELECT n.nspname || '.' || c.relname AS label, k.conname::text AS name, k.contype = 'n' AS nulls,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)) AS columns
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype IN ('c', 'f', 'n') AND NOT k.convalidated
UNION ALL
SELECT '', k.conname::text, false, '{}' FROM pg_catalog.pg_constraint k
 WHERE k.contypid <> 0 AND NOT k.convalidated
UNION ALL
SELECT n.nspname || '.' || t.relname, c.relname::text, false, '{}'
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 WHERE i.indisunique AND NOT (i.indisvalid AND i.indisready)
"""
_OF_SETS = """
SELECT DISTINCT proname::text AS name FROM pg_catalog.pg_proc WHERE proretset AND proname = ANY($1::text[])
"""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """``traced``: the parts, by number. ``unproven``: label and name of constraints and unique indexes of the old
    database that some rows may not meet; those of domains without a label. ``maybe_null``: label and name of columns
    whose NOT NULL is such a one. ``multiplying``: numbers of parts with a function that gives several rows.
    """  # noqa: D205

    traced: dict[int, TracedPart]
    unproven: frozenset[tuple[str, str]] = frozenset()
    maybe_null: frozenset[tuple[str, str]] = frozenset()
    multiplying: frozenset[int] = frozenset()


async def read_facts(source: Connection, job: Job) -> Facts:
    """Of the parts of ``job``; ``source`` is a session of the old database."""
    traced = {part.number: trace(part) for table in job.tables for part in table.parts}
    unproven = await source.fetch(_UNPROVEN)
    names = sorted({name for each in traced.values() for name in each.functions})
    sets = {row["name"] for row in await source.fetch(_OF_SETS, names)} if names else set()
    return Facts(
        traced=traced,
        unproven=frozenset((row["label"], row["name"]) for row in unproven if not row["nulls"]),
        maybe_null=frozenset((row["label"], column) for row in unproven if row["nulls"] for column in row["columns"]),
        multiplying=frozenset(number for number, each in traced.items() if each.functions & sets),
    )
