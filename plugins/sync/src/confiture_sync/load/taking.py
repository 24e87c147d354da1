"""Takes off what is in the way of the rows, and says on the target what it was, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.loading import (
    Part,
    Phase,
    Record,
    Records,
    Thing,
    altering,
    qualify,
    read_indexes,
    read_keys,
    read_parts,
    read_switches,
    take,
)
from confiture_sync.copying.state import state_of
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["is_upsert", "prepare", "refuse_unfinished"]

#: Below that, to build an index at the end gains less than its two statements cost.
_WORTH_ROWS = 20_000


async def prepare(ctx: Context, job: Job, plans: Sequence[TablePlan], records: Records) -> None:
    """Make the tables ready: all of it, or nothing. Tables whose rows go away lose them in the same transaction.

    A run that is gone on with keeps its rows, and the indexes that were built before it was cut. Raises ``Refused``
    where another run was left unfinished, ``Busy``, ``PermissionMissing``.
    """
    request = job.request
    async with ctx.connect(job.target) as connection, altering(ctx, job.target, connection) as watched:
        known = await records.read(connection)
        unfinished = await state_of(ctx).unfinished(connection)
        if not request.resume and (known or unfinished is not None):
            raise refuse_unfinished(job.target)
        if request.resume and not known and unfinished is None:
            return  # nothing to go on with: the copy will say so
        run = known[0].run if known else job.run_id if unfinished is None else unfinished.run_id
        parts = await read_parts(connection, [plan.target.sql for plan in plans])
        watched += [part.oid for part in parts]
        roots = [part for part in parts if part.oid == part.root]
        await qualify(connection)
        things = [*await read_keys(connection, parts), *await read_switches(connection, parts)]
        if not (request.resume or request.upsert):
            things += await _indexes(connection, parts, plans)
        await records.create(connection)
        if not known:
            await records.add(connection, run, _run(roots, upsert=request.upsert))
        await take(connection, records, run, things)
        if request.truncate and not request.resume:
            await connection.execute(f"TRUNCATE {', '.join(part.only for part in roots)}")


async def _indexes(connection: Connection, parts: Sequence[Part], plans: Sequence[TablePlan]) -> list[Thing]:
    wanted = {
        plan.target.label: plan.table.bytes
        for plan in plans
        if (plan.table.rows if plan.selection is None or plan.selection.rows is None else plan.selection.rows)
        >= _WORTH_ROWS
    }
    sizes = {part.oid: wanted[part.label] for part in parts if part.oid == part.root and part.label in wanted}
    return await read_indexes(connection, [part for part in parts if part.root in sizes], sizes)


def _run(roots: Sequence[Part], *, upsert: bool) -> list[Record]:
    first = Record(phase=Phase.RUN, kind="upsert" if upsert else "run", schema="", table="", name="", statements=())
    return [first] + [
        Record(phase=Phase.RUN, kind="table", schema=part.schema, table=part.name, name="", statements=(part.only,))
        for part in roots
    ]


def is_upsert(known: Sequence[Record]) -> bool:
    """Whether the run that was recorded replaces rows in tables that hold others."""
    return any(record.kind == "upsert" for record in known)


def refuse_unfinished(target: Target) -> Refused:
    """A run was begun and is neither finished nor abandoned."""
    return Refused(
        f"a sync into {target.label!r} was not finished: its tables lack foreign keys, indexes or rows",
        hint="go on with it (--resume), or give it up: `confiture sync abandon` puts back what was taken off, and "
        "empties the tables that are not complete",
    )
