"""A run's record on the target: begun, gone on with, ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import Refused
from confiture.model import WarningRaised
from confiture.transfer import Position, read_identity, read_position
from confiture_sync.copying.chunks import digest_of, rules_digest
from confiture_sync.copying.state import RunRecord, State, state_of

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_sync.values import Job, TablePlan

__all__ = ["Running", "check_run", "find_unfinished", "running"]

_UPSERT = "--upsert"
_SUBSET = ("where", "sample", "ids", "children", "cut")


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A run under way. ``position`` is the source's; ``resumed``: an earlier attempt may have copied something."""

    state: State
    run_id: str
    attempt: int
    position: Position
    resumed: bool


async def find_unfinished(ctx: Context, target: Target) -> str:
    """The id of the run that ``--resume`` goes on with. Raises ``Refused`` where there is none."""
    from confiture_sync.load.recording import sync_records  # which asks for the state itself

    state = state_of(ctx)
    async with ctx.connect(target) as connection:
        found = await state.unfinished(connection)
        if found is not None:
            return found.run_id
        taken_off = await sync_records(state.schema).read(connection)
    if taken_off:  # it was cut before it copied anything
        return taken_off[0].run
    raise Refused(f"there is no unfinished run to go on with in {target.label!r}", hint="run it again without --resume")


async def check_run(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> None:
    """Where an unfinished run is gone on with, raise ``Refused`` naming what it was asked for that this one is not."""
    if not job.request.resume:
        return
    async with job.snapshot.session() as connection:
        run = _record(job, plans, await read_identity(connection))
    async with ctx.connect(job.target) as connection:
        former = await state_of(ctx).unfinished(connection)
    if former is None:
        return
    differs = [] if former.source == run.source else [f"the source ({job.source.label!r} is another database)"]
    differs += [name for name, digest in run.asked.items() if former.asked.get(name) != digest]
    if differs:
        key = f" (it was {former.key or 'none'}, and is {run.key or 'none'})" if "the key" in differs else ""
        raise Refused(
            f"the unfinished run into {job.target.label!r} was asked for something else: {', '.join(differs)}{key}",
            hint="go on with the options, rules and key that it was begun with; or take it back: confiture sync "
            f"abandon --to {job.target.label}",
        )


@asynccontextmanager
async def running(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> AsyncIterator[Running]:
    """Write the run's record, and that it was finished when the block ends well; otherwise the record stays."""
    state = state_of(ctx)
    async with job.snapshot.session() as connection:
        position = await read_position(connection)
        run = _record(job, plans, await read_identity(connection))
    async with ctx.connect(job.target) as connection, ctx.transaction(connection):
        former = await state.unfinished(connection)
        resumed = former is not None and former.run_id == run.run_id
        if resumed:
            attempt = await state.take_over(connection, run.run_id)
        else:
            await state.create(connection)
            await _warn_of_keys(ctx, state, connection, run, job)
            await state.begin(connection, run)
            attempt = 1
    yield Running(state=state, run_id=run.run_id, attempt=attempt, position=position, resumed=resumed)
    async with ctx.connect(job.target) as connection, ctx.transaction(connection):
        await state.finish(connection, run.run_id)


def _record(job: Job, plans: Sequence[TablePlan], source: str) -> RunRecord:
    key = job.key.fingerprint if any(plan.rules for plan in plans) else None
    asked = {
        "the tables": digest_of(sorted(plan.label for plan in plans)),
        "the rules": digest_of({plan.label: rules_digest(plan.rules) for plan in plans}),
        "the key": digest_of(key),
        "the subset": digest_of([[getattr(each, name) for name in _SUBSET] for each in (job.request, job.file.subset)]),
        _UPSERT: digest_of(job.request.upsert),
    }
    tables = tuple(sorted(plan.target.sql for plan in plans))
    return RunRecord(run_id=job.run_id, source=source, asked=asked, tables=tables, key=key, upsert=job.request.upsert)


async def _warn_of_keys(ctx: Context, state: State, connection: Connection, run: RunRecord, job: Job) -> None:
    """Say where rows of another key are: equal values no longer become equal ones in all tables."""
    if run.key is None:
        return
    for former in await state.finished(connection):
        if former.key in (None, run.key):
            continue
        there = [
            name
            for name in former.tables
            if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", name) is not None
        ]
        if there:
            ctx.emit(
                WarningRaised(
                    message=f"{job.target.label!r} has rows that were masked with another key: {', '.join(there)} with "
                    f"{former.key}, and now {run.key}",
                    hint="equal values have other masks under another key: use one key for all tables of a database",
                )
            )
