"""A chunk as the transfer that an engine is given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from confiture.model import Statement, TransferTask
from confiture_schema_to_schema.compiling import with_condition

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.copying.records import ChunkRecord
    from confiture_schema_to_schema.values import Job, PartPlan, Table

__all__ = ["emptying", "find_emptiable", "task_of_chunk"]

# A table that others refer to cannot be emptied by TRUNCATE without them, and one whose TRUNCATE somebody's trigger
# sees is not to be: staging has disabled what it may.
_EMPTIABLE = """
SELECT c.oid FROM pg_catalog.pg_class c
 WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'r' AND pg_catalog.has_table_privilege(c.oid, 'TRUNCATE')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                    WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t
                    WHERE t.tgrelid = c.oid AND t.tgtype & 32 <> 0 AND t.tgenabled <> 'D')
"""


async def find_emptiable(connection: Connection, relids: Sequence[int]) -> frozenset[int]:
    """Those of the target's tables that a transaction can empty before it fills them, so that FREEZE is allowed."""
    rows = await connection.fetch(_EMPTIABLE, list(relids))
    return frozenset(row["oid"] for row in rows)


def emptying(table: Table) -> tuple[Statement, ...]:
    """Empty a table that is empty: fails (a division by zero) where it is not, for it is nobody's but ours to fill."""
    return (
        Statement(sql=f"LOCK TABLE ONLY {table.sql} IN ACCESS EXCLUSIVE MODE"),
        Statement(sql=f"SELECT 1 / (NOT EXISTS (SELECT FROM ONLY {table.sql}))::int"),
        Statement(sql=f"TRUNCATE ONLY {table.sql}"),
    )


def task_of_chunk(
    job: Job,
    plan: PartPlan,
    chunk: ChunkRecord,
    *,
    before: Collection[Statement] = (),
    after: Collection[Statement] = (),
    snapshot: str | None = None,
    freeze: bool = False,
    bytes_per_second: int | None = None,
    step: str = "",
) -> TransferTask:
    """What the engine is given."""
    part = plan.part
    query = part.query
    if chunk.relation is not None or chunk.condition != "true":
        query = with_condition(part, chunk.condition, relation=chunk.relation)
    return TransferTask(
        source=job.sides.source,
        target=job.sides.target,
        table=plan.target.sql,
        columns=part.columns,
        query=query,
        estimated_rows=chunk.estimated_rows,
        snapshot=snapshot,
        settings=chunk.settings,
        before=tuple(before),
        after=tuple(after),
        binary=part.binary,
        freeze=freeze,
        bytes_per_second=bytes_per_second,
        step=step,
    )
