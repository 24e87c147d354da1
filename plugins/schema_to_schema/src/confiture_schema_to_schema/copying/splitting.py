"""Which chunks a part is copied in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.hooks import TRANSFER
from confiture.transfer import Chunk, reading, split_by_key, split_by_place
from confiture_schema_to_schema.copying.records import ChunkRecord

if TYPE_CHECKING:
    from confiture.model import TransferTask
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.copying.sizing import Sizing
    from confiture_schema_to_schema.values import Job, PartPlan

__all__ = ["by_key", "by_key_within", "by_place", "cut_by_place", "undivided"]


def undivided(plan: PartPlan) -> tuple[ChunkRecord, ...]:
    """The whole part as one chunk: one statement, which has one snapshot."""
    return (ChunkRecord(part=plan.part.number, number=0, estimated_rows=plan.source.rows),)


async def by_key(ctx: Context, job: Job, plan: PartPlan, sizing: Sizing) -> tuple[ChunkRecord, ...]:
    """Ranges of the key, which hold for every later snapshot. A row that is inserted later may be in any of them."""
    chunks = sizing.chunks(plan)
    if chunks < 2:
        return undivided(plan)
    table = plan.source
    async with reading(ctx, job.sides.source) as connection:
        found = await split_by_key(
            connection, table.sql, plan.part.key, chunks=chunks, only=not table.partitioned, alias=plan.part.alias
        )
    # Without a relation: the query has its table as it is to be read, with ONLY where that matters.
    return _records(plan, found, relation=False)


async def by_key_within(
    ctx: Context, job: Job, plan: PartPlan, chunk: ChunkRecord, count: int
) -> tuple[ChunkRecord, ...]:
    """What takes the place of a chunk that is too large. Its numbers are not those that it is to have."""
    table, key = plan.source, plan.part.key
    former = Chunk(
        relation=table.sql,
        condition=chunk.condition,
        settings=chunk.settings,
        estimated_rows=chunk.estimated_rows,
    )
    async with reading(ctx, job.sides.source) as connection:
        found = await split_by_key(
            connection, table.sql, key, chunks=count, only=not table.partitioned, alias=plan.part.alias, within=former
        )
    return _records(plan, found, relation=False)


async def by_place(connection: Connection, plan: PartPlan, sizing: Sizing) -> tuple[ChunkRecord, ...]:
    """Ranges of places, for the snapshot that ``connection`` has: another one finds rows elsewhere."""
    found = await split_by_place(
        connection, plan.source.sql, chunk_bytes=sizing.chunk_bytes(plan), alias=plan.part.alias
    )
    return _records(plan, found, relation=True)


def cut_by_place(ctx: Context, plan: PartPlan, sizing: Sizing, task: TransferTask) -> bool:
    """Whether a part without a key is copied in several chunks of one snapshot, which its engine must be able to use.

    ``task`` is one of the part's with a snapshot.
    """
    part = plan.part
    if part.key or part.whole is not None or sizing.chunks(plan) < 2:
        return False
    return ctx.get(TRANSFER, plan.engine).accepts(task)


def _records(plan: PartPlan, chunks: Sequence[Chunk], *, relation: bool) -> tuple[ChunkRecord, ...]:
    if len(chunks) < 2:
        return undivided(plan)
    return tuple(
        ChunkRecord(
            part=plan.part.number,
            number=number,
            relation=chunk.relation if relation else None,
            condition=chunk.condition,
            settings=dict(chunk.settings),
            estimated_rows=chunk.estimated_rows,
        )
        for number, chunk in enumerate(chunks)
    )
