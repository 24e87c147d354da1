"""A run's record on the target: begun, gone on with, ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio

from confiture.errors import ConfitureError, DatabaseNotFound, Refused
from confiture.redact import redact
from confiture.sides import shown_side
from confiture.transfer import read_identity
from confiture_schema_to_schema.copying.beating import beating, taken_over
from confiture_schema_to_schema.copying.beginning import end_orphans, refuse_rows, relids
from confiture_schema_to_schema.copying.records import PartRecord, RunRecord, part_digest
from confiture_schema_to_schema.copying.state import State, state_of
from confiture_schema_to_schema.creating import records_of

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.model import SchemaToSchemaRequest
    from confiture_schema_to_schema.values import Job, Sides

__all__ = ["find_run", "running"]

#: How long the writing of how an attempt ended may take: by then its server is gone too.
_LAST_WORDS_S = 5.0
_ANEW = "or drop that database, and begin anew"


async def find_run(ctx: Context, sides: Sides) -> RunRecord | None:
    """The run that was begun and not finished. None where its tables are no longer there, or no database is.

    Who asks has the lock: sessions that still write for the process that had it are ended, before anything waits for
    what they have locked.
    """
    state = state_of(ctx)
    try:
        async with ctx.connect(sides.target) as connection:
            run = await state.unfinished(connection)
            if run is None:
                return None
            oids = [part.relid for part in await state.read_parts(connection, run.run_id)]
            there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[]))"
            if oids and not await connection.fetchval(there, oids):
                return None
            await end_orphans(connection, run.application, oids, state.chunks)
            return run
    except DatabaseNotFound:
        return None


@asynccontextmanager
async def running(ctx: Context, job: Job, request: SchemaToSchemaRequest) -> AsyncIterator[int]:
    """Write the run's record on the target, and how it ended; the number of this attempt.

    Raises ``Refused`` where a former run was of another map, and where a table that is to be filled has rows at the
    start.
    """
    state = state_of(ctx)
    async with ctx.connect(job.sides.source) as connection:
        run = _record(job, request, await read_identity(connection))
    async with ctx.connect(job.sides.target) as connection, ctx.transaction(connection):
        parts = _parts(job, await relids(connection, [plan.target for plan in job.plans]))
        former = await state.unfinished(connection)
        if former is not None and former.run_id == run.run_id:
            _refuse_changes(job, await state.read_parts(connection, run.run_id), parts)
            attempt = await state.take_over(connection, run.run_id, {part.part: part.engine for part in parts})
        else:
            await state.create(connection)
            await refuse_rows(connection, [plan.target for plan in job.plans])
            await state.begin(connection, run, parts)
            # Of a run whose tables are gone: what was taken off them is nothing to be put on these.
            records = records_of(ctx)
            for record in await records.read(connection):
                await records.drop(connection, record.number)
            attempt = 1
    try:
        async with beating(ctx, job, state, attempt):
            yield attempt
        # Not while a sign of life may be under way: for that, a run that is over is another's.
        async with ctx.connect(job.sides.target) as connection:
            if not await state.finish(connection, run.run_id, attempt):
                raise taken_over(job)
    except BaseException as error:
        await _last_words(ctx, job, state, attempt, error)
        raise


def _record(job: Job, request: SchemaToSchemaRequest, source: str) -> RunRecord:
    read = {label for plan in job.plans for label in (plan.part.source, *plan.part.lookups)}
    return RunRecord(
        run_id=job.run_id,
        source=source,
        strategy=job.strategy,
        tables=request.tables,
        mapping=request.mapping,
        fingerprints={label: job.old.fingerprints.get(label, "") for label in sorted(read)},
    )


def _parts(job: Job, oids: Sequence[int]) -> list[PartRecord]:
    return [
        PartRecord(
            part=plan.part.number,
            target=plan.part.target,
            source=plan.part.source,
            relid=oid,
            digest=part_digest(plan),
            engine=plan.engine,
            keyed=bool(plan.part.key),
            estimated_rows=plan.source.rows,
            bytes=plan.source.bytes + plan.source.toast,
        )
        for plan, oid in zip(job.plans, oids, strict=True)
    ]


def _refuse_changes(job: Job, recorded: Sequence[PartRecord], parts: Sequence[PartRecord]) -> None:
    """What must be as it was, for the rows that are there and those to come to be of one kind."""
    shown = shown_side(job.sides.target)
    if differing := sorted(set(_differing_parts(recorded, parts))):
        raise Refused(
            f"the map is not the one that the migration into {shown!r} was begun with: {', '.join(differing)}",
            hint=f"go on with the map that it was begun with, {_ANEW}",
        )
    oids = {part.part: part.relid for part in recorded}
    if anew := sorted({part.target for part in parts if oids[part.part] != part.relid}):
        raise Refused(
            f"tables of {shown!r} were made anew since the migration was begun: {', '.join(anew)}",
            hint="what was copied into them is gone: drop that database, and begin anew",
        )


def _differing_parts(recorded: Sequence[PartRecord], parts: Sequence[PartRecord]) -> Iterator[str]:
    """Labels of the targets of parts that are other ones, or that only one of both has."""
    former, now = ({(each.target, each.source, each.digest): each.part for each in some} for some in (recorded, parts))
    for key in former.keys() | now.keys():
        if former.get(key) != now.get(key):
            yield key[0]


async def _last_words(ctx: Context, job: Job, state: State, attempt: int, error: BaseException) -> None:
    """Write why the attempt ended, if the target still answers."""
    with anyio.CancelScope(shield=True), anyio.move_on_after(_LAST_WORDS_S), suppress(Exception):
        async with ctx.connect(job.sides.target) as connection:
            values: dict[str, Any] = {"last_error": _words(error), "waiting_for": None, "under_way": {}}
            await state.change(connection, job.run_id, attempt, **values)


def _words(error: BaseException) -> str:
    """For people. The driver's own words may hold values of rows."""
    if isinstance(error, ConfitureError):
        return redact(error.message)
    return type(error).__name__ if isinstance(error, Exception) else "it was interrupted"
