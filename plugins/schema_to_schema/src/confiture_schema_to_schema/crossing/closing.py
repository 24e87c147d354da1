"""The side that is not the live one is closed for writes: from the end of the copy on, until it is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.loading import altering
from confiture.transfer import reading
from confiture_schema_to_schema.checking.leaving import read_left, read_owned
from confiture_schema_to_schema.crossing.fencing import fence
from confiture_schema_to_schema.crossing.state import crossings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.model import CapturedTable
    from confiture.protocols import Context
    from confiture_schema_to_schema.crossing.ways import Way
    from confiture_schema_to_schema.values import Job

__all__ = ["close_other", "with_left"]


async def with_left(ctx: Context, way: Way) -> Way:
    """The same way, which closes tables of the live side that nothing takes too: who writes there hears of it."""
    async with reading(ctx, way.live) as source:
        if way.direction == "cutover":
            owned = (await read_left(way.job, source)).owned
        else:
            unfilled = {table.label: table.sql for table in _losses(way) if table.label in way.unfilled}
            owned = await read_owned(source, unfilled)
    return msgspec.structs.replace(way, left=tuple(owned.items()))


def _losses(way: Way) -> Sequence[CapturedTable]:
    return way.losses.tables if way.losses is not None else ()


async def close_other(ctx: Context, run_id: str, job: Job) -> None:
    """Nobody but who brings changes over may write to the tables that ``job`` fills. Again is no error.

    Confiture's schema is there. Raises ``Busy`` for tables that others hold.
    """
    target = job.sides.target
    async with ctx.connect(target) as connection, altering(ctx, target, connection):
        await fence(
            connection,
            crossings_of(ctx).schema,
            run_id,
            [table.table.sql for table in job.tables],
            "this database is closed for writes: another one is the live one",
            here=target,
            there=job.sides.source,
        )
