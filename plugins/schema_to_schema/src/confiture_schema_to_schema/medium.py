"""The medium ``schema-to-schema``: its steps, in order. Nothing is written before all of them have agreed."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import ConfitureError, Refused
from confiture.hooks import TRANSFER
from confiture.model import Note, TransferTask
from confiture.protocols import PreparingEngine
from confiture.sides import shown_side
from confiture_schema_to_schema.begun import refuse_begun, refuse_unfinished
from confiture_schema_to_schema.capturing import LOCK
from confiture_schema_to_schema.checking import refuse
from confiture_schema_to_schema.cleaning import remove_orphans
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.copying import Former, copy_tables, find_former, refuse_changed_since, running
from confiture_schema_to_schema.creating import Staging, create_target, target_exists
from confiture_schema_to_schema.crossing.closing import close_other
from confiture_schema_to_schema.following.beginning import NONE, begin, bring_over, capture_of, watch_of, watched
from confiture_schema_to_schema.following.limiting import watching_log
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import SchemaToSchemaReport, SchemaToSchemaRequest
from confiture_schema_to_schema.opening import opened
from confiture_schema_to_schema.sides import find_sides, lock_name

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.model import Finding
    from confiture_schema_to_schema.values import Job, Sides

__all__ = ["SchemaToSchemaMedium", "task_of"]


class SchemaToSchemaMedium:
    """Medium 4, up to a copy that can be validated. One instance may serve several runs."""

    request_type: type[SchemaToSchemaRequest] = SchemaToSchemaRequest

    async def run(self, ctx: Context, request: SchemaToSchemaRequest) -> SchemaToSchemaReport:
        """Begin, or go on where ``request.resume``.

        Raises ``ConfigError`` for a map that means nothing, ``Refused`` naming all that is in the way: nothing was
        written then. ``Busy`` where another process is at work. What fails later says what it left, and how to go on.
        """
        started = time.monotonic()
        sides = await find_sides(ctx, request)
        async with ctx.lock(sides.target, lock_name(sides)):
            former = await find_former(ctx, sides)
            if former is None:
                await refuse_begun(ctx, sides, resume=request.resume)
            _check_former(former, request, sides)
            config = ctx.settings(SECTION, SchemaToSchemaConfig)
            strategy = former.strategy if former else request.strategy or config.strategy
            tables = former.tables if former else request.tables
            map_ = read_map(ctx, request.mapping or (former.mapping if former else None))
            run_id = former.run_id if former else ctx.run_id
            capture = await capture_of(ctx, sides, run_id) if former else config.capture
            reopened = partial(opened, ctx, sides, map_, strategy=strategy, tables=tables, run_id=run_id)
            # A run that is gone on with was looked at when it began; half its rows are there by now. What a scratch
            # database takes in a second is not what the new one will.
            sample = former is None and await target_exists(ctx, sides.target)
            rows = request.preflight and former is None
            async with reopened(rows=rows, sample=sample, unmapped=former is None) as first:
                if former is not None:
                    await refuse_changed_since(
                        ctx, first.job, former.source, former.fingerprints, captured=capture != NONE
                    )
                watch, more = await watched(ctx, first.job, capture) if first.compiled else (None, ())
                # What was begun is in nobody's way.
                refuse((*first.findings, *more) if former is None else first.findings)
                more = tuple(each for each in more if each.check != LOCK)
                findings = (*first.findings, *more)
            created = False
            if former is None and (left := await remove_orphans(ctx, sides)):
                ctx.emit(Note(message=f"removed what a start into a database that is gone has left: {', '.join(left)}"))
            if not first.exists:
                created = await create_target(ctx, sides)
                # Once more, now that it is there: what was found out in a scratch database was of another server.
                async with reopened(rows=False) as second:
                    refuse(second.findings)
                    watch = watch_of(second.job, capture)
                    first, findings = second, (*second.findings, *more)
            report = await _copy(ctx, first.job, request, findings, watch)
        return msgspec.structs.replace(
            report, created=created, resumed=former is not None, seconds=time.monotonic() - started
        )


def _check_former(former: Former | None, request: SchemaToSchemaRequest, sides: Sides) -> None:
    shown = shown_side(sides.target)
    if request.resume and former is None:
        raise Refused(
            f"there is no unfinished migration into {shown!r} to go on with",
            hint="begin one: `confiture migrate schema-to-schema start`",
        )
    if former is not None and not request.resume:
        refuse_unfinished(sides)


async def _copy(
    ctx: Context, job: Job, request: SchemaToSchemaRequest, findings: tuple[Finding, ...], watch: Watch | None
) -> SchemaToSchemaReport:
    async with running(ctx, job, request) as attempt:
        if watch is not None:
            await begin(ctx, job, watch)
        await _prepare_engines(ctx, job)
        staging = Staging(ctx, job, request.jobs)
        await staging.take_off()
        async with watching_log(ctx, job, watch):
            copied = await copy_tables(ctx, job, request, attempt, staging, captured=watch is not None)
        if watch is not None:
            await bring_over(ctx, job, watch)
            # What could not be built over rows of several moments is tried again.
            staging = Staging(ctx, job, request.jobs)
        await staging.finish()
        if watch is not None:
            await close_other(ctx, job.run_id, job)
        await _remove_engines(ctx, job)
    return SchemaToSchemaReport(
        source=shown_side(job.sides.source),
        target=shown_side(job.sides.target),
        run_id=job.run_id,
        created=False,
        resumed=False,
        tables=copied.tables,
        findings=findings,
        capture=None if watch is None else watch.capture,
        snapshot_seconds=copied.snapshot_seconds,
        whole_snapshots=copied.whole_snapshots,
    )


async def _prepare_engines(ctx: Context, job: Job) -> None:
    for name in sorted({plan.engine for plan in job.plans}):
        engine = ctx.get(TRANSFER, name)
        if isinstance(engine, PreparingEngine):
            await engine.prepare(ctx, [task_of(job, plan.part.number) for plan in job.plans if plan.engine == name])


async def _remove_engines(ctx: Context, job: Job) -> None:
    """Else the new database has objects that its schema has not."""
    for name in sorted({plan.engine for plan in job.plans}):
        engine = ctx.get(TRANSFER, name)
        if isinstance(engine, PreparingEngine):
            try:
                await engine.remove(ctx, job.sides.target)
            except ConfitureError as error:  # somebody has come to use it: all rows are there nevertheless
                ctx.emit(Note(message=f"what the engine {name!r} made stays: {error.message}"))


def task_of(job: Job, number: int) -> TransferTask:
    """The whole of a part as one task: what engines are asked about."""
    plan = next(plan for plan in job.plans if plan.part.number == number)
    return TransferTask(
        source=job.sides.source,
        target=job.sides.target,
        table=plan.target.sql,
        columns=plan.part.columns,
        query=plan.part.query,
        estimated_rows=plan.source.rows,
        binary=plan.part.binary,
    )
