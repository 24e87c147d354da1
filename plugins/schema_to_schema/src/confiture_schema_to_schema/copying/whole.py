"""Tables without a usable key that are large: several chunks of one snapshot, held only while the table is copied."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.transfer import exported_snapshot, keep_connections, run_workers
from confiture_schema_to_schema.copying.beating import taken_over
from confiture_schema_to_schema.copying.beginning import relation_of
from confiture_schema_to_schema.copying.retrying import retrying
from confiture_schema_to_schema.copying.splitting import by_place
from confiture_schema_to_schema.copying.telling import Telling

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.copying.chunks import Copier
    from confiture_schema_to_schema.copying.records import ChunkRecord
    from confiture_schema_to_schema.values import Job, PartPlan

__all__ = ["copy_whole"]

# On referring tables these would do more than forget the rows that nobody refers to yet.
_REFERRING = """
SELECT pg_catalog.format('%I of %s', conname, conrelid::pg_catalog.regclass) AS shown,
       confdeltype IN ('a', 'r') AS harmless
  FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = pg_catalog.to_regclass($1) AND conrelid <> confrelid
"""


async def copy_whole(ctx: Context, job: Job, copier: Copier, jobs: int, plans: Sequence[PartPlan]) -> None:
    """Copy parts of one target that are cut by the places of their rows, where they are not complete.

    One that is not begins anew, as it does where a server is lost: the places are of a snapshot that is gone with the
    session that held it, and of another one rows would come twice, or never. Nobody can tell its rows from those of the
    target's other parts, so that these are taken out and copied again too.
    """

    async def all_of_them() -> None:
        while (plan := await _next(ctx, job, copier, plans)) is not None:
            await _copy(ctx, job, copier, jobs, plan)

    await retrying(ctx, f"copying {plans[0].part.target!r}", all_of_them)


async def _next(ctx: Context, job: Job, copier: Copier, plans: Sequence[PartPlan]) -> PartPlan | None:
    """A part that is not complete, its chunks forgotten, and the target emptied where some of them were copied."""
    state, run_id = copier.state, job.run_id
    cut = {plan.part.number for plan in plans}
    target = plans[0].part.target
    async with ctx.connect(job.sides.target) as connection:
        parts = [part for part in await state.read_parts(connection, run_id) if part.target == target]
        chunks = await state.read_chunks(connection, run_id)
        complete = {
            part.part
            for part in parts
            if part.planned and all(chunk.done for chunk in chunks if chunk.part == part.part)
        }
        plan = next((plan for plan in plans if plan.part.number not in complete), None)
        if plan is None:
            return None
        number = plan.part.number
        async with ctx.transaction(connection):
            if not await state.change(connection, run_id, copier.attempt):
                raise taken_over(job)
            if any(chunk.part == number and chunk.done for chunk in chunks):
                await _empty(connection, plan)
                await state.forget_copied(connection, run_id, target, cut)
            else:
                await state.forget_chunks(connection, run_id, number)
    return plan


async def _empty(connection: Connection, plan: PartPlan) -> None:
    table = plan.target
    referring = await connection.fetch(_REFERRING, table.sql)
    if not referring:
        await connection.execute(f"TRUNCATE {relation_of(table)}")
    elif all(row["harmless"] for row in referring):
        await connection.execute(f"DELETE FROM {relation_of(table)}")
    else:
        raise Refused(
            f"{table.label!r} was copied in part, and cannot be emptied for {referring[0]['shown']}",
            hint="a table without a key is copied from one snapshot, and begins anew after a fault: drop that "
            "constraint until the copy is done, then go on: `confiture migrate schema-to-schema resume`",
        )


async def _copy(ctx: Context, job: Job, copier: Copier, jobs: int, plan: PartPlan) -> None:
    state = copier.state
    await copier.admit(ctx)
    begun = time.monotonic()
    async with exported_snapshot(ctx, job.sides.source) as snapshot:
        async with snapshot.session() as session:
            chunks = await by_place(session, plan, copier.sizing)
        async with ctx.connect(job.sides.target) as connection, ctx.transaction(connection):
            if not await state.change(connection, job.run_id, copier.attempt):
                raise taken_over(job)
            await state.plan_chunks(connection, job.run_id, chunks)
            parts = await state.read_parts(connection, job.run_id)
            others = {part.part for part in parts if part.target == plan.part.target}
            found = await state.read_chunks(connection, job.run_id)
        copier.meters.count(plan.part.target, [chunk for chunk in found if chunk.part in others])
        waiting: deque[ChunkRecord] = deque(chunks)

        async def work() -> None:
            async with keep_connections(ctx, Telling(ctx, copier.meters)) as kept:
                while waiting:
                    await copier.copy_once(kept, plan, waiting.popleft(), snapshot.id)

        await run_workers(jobs, len(chunks), work)
    source = plan.part.source
    copier.whole_seconds[source] = max(copier.whole_seconds.get(source, 0.0), time.monotonic() - begun)
