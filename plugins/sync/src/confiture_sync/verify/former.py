"""What belongs to the target's tables, before a run and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from confiture_sync.model import Check
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["Former", "check_former", "look_at_target"]

#: Definitions by kind, table and name.
Former: TypeAlias = Mapping[tuple[str, str, str], str]

# The foreign keys of other tables that lead to these are taken off for TRUNCATE.
_OBJECTS = """
WITH named AS (SELECT pg_catalog.to_regclass(n)::oid AS oid FROM pg_catalog.unnest($1::text[]) AS u(n)),
     tables AS (SELECT oid FROM named UNION SELECT p.relid::oid FROM named, pg_catalog.pg_partition_tree(oid) AS p)
SELECT 'constraint' AS kind, k.conrelid::pg_catalog.regclass::text AS place, k.conname::text AS name,
       pg_catalog.pg_get_constraintdef(k.oid) || ' ' || k.convalidated AS definition
  FROM pg_catalog.pg_constraint k
 WHERE k.conrelid IN (SELECT oid FROM tables) OR k.confrelid IN (SELECT oid FROM tables)
UNION ALL
SELECT 'trigger', t.tgrelid::pg_catalog.regclass::text, t.tgname::text,
       pg_catalog.pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
  FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid IN (SELECT oid FROM tables)
UNION ALL
SELECT 'index', i.indrelid::pg_catalog.regclass::text, c.relname::text,
       pg_catalog.pg_get_indexdef(i.indexrelid) || ' ' || i.indisvalid
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid IN (SELECT oid FROM tables)
"""


async def look_at_target(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> Former:
    """Constraints, triggers and indexes of the tables and of their partitions, for :func:`check_former` afterwards."""
    async with ctx.connect(job.target) as connection:
        return await read_former(connection, plans)


async def read_former(connection: Connection, plans: Sequence[TablePlan]) -> Former:
    """The same over a connection."""
    rows = await connection.fetch(_OBJECTS, [plan.target.sql for plan in plans])
    return {(row["kind"], row["place"], row["name"]): row["definition"] for row in rows}


async def check_former(target: Connection, plans: Sequence[TablePlan], former: Former) -> list[Check]:
    """One check, which names whatever is not as it was."""
    now = await read_former(target, plans)
    lost = [
        f"the {kind} {name!r} of {place} " + ("is gone" if key not in now else "is not what it was")
        for key in sorted(former)
        if now.get(key) != former[key]
        for kind, place, name in (key,)
    ]
    detail = "; ".join(lost) if lost else f"{len(former)} constraints, indexes and triggers are as they were"
    return [Check(name="constraint", what="the target's tables", ok=not lost, detail=detail)]
