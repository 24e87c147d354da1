"""The medium ``sync``: its steps, in order. Nothing is written before all of them up to the copy have agreed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.sides import find_side, shown_side
from confiture.transfer import exported_snapshot
from confiture_sync.asking import check_request
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import read_sync_file
from confiture_sync.copying import check_run, copy_tables, find_unfinished, running
from confiture_sync.detect import check_coverage
from confiture_sync.finding_key import find_key
from confiture_sync.guards import check_sides, check_target, try_rows
from confiture_sync.load import Loader
from confiture_sync.model import SyncReport, SyncRequest
from confiture_sync.planning import plan_tables, shown_plan
from confiture_sync.ruling import resolve_rules
from confiture_sync.selecting import select
from confiture_sync.subset import choose_rows
from confiture_sync.values import Job
from confiture_sync.verify import look_at_target, verify

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["SyncMedium"]

#: The exit code where the rows were copied and a check afterwards says that something is wrong.
_CHECKS_FAILED = 7


class SyncMedium:
    """Medium 3. One instance may serve several runs."""

    request_type: type[SyncRequest] = SyncRequest

    async def run(self, ctx: Context, request: SyncRequest) -> SyncReport:
        """Copy what ``request`` names.

        Raises ``UsageError`` and ``ConfigError`` for names and rules that mean nothing, ``Refused`` for whatever must
        not be copied, or not there: nothing was written then. What fails later says what it left, and how to go on.
        """
        started = time.monotonic()
        check_request(request)
        file = read_sync_file(ctx, request.config)
        source = await find_side(ctx, request.source, "--from")
        target = await find_side(ctx, request.target, "--to")
        await check_sides(ctx, source, target, request, file)
        async with (
            ctx.lock(target, f"sync {target.database}"),
            exported_snapshot(ctx, source) as snapshot,
        ):
            held_since = time.monotonic()
            # A run that is gone on with is the same run: its masks that are no others' depend on its id.
            run_id = await find_unfinished(ctx, target) if request.resume else ctx.run_id
            job = Job(
                request=request,
                file=file,
                source=source,
                target=target,
                snapshot=snapshot,
                key=find_key(ctx, request, file, target, run_id),
                run_id=run_id,
            )
            report = await _sync(ctx, job)
        ended = time.monotonic()
        return msgspec.structs.replace(report, seconds=ended - started, snapshot_seconds=ended - held_since)


async def _sync(ctx: Context, job: Job) -> SyncReport:
    request, file = job.request, job.file
    own = ctx.settings("migrations", MigrationsConfig).schema
    async with job.snapshot.session() as connection:
        catalog = await read_catalog(connection, own_schema=own, references=file.references, file=file.shown)
    selected = select(
        catalog,
        tables=request.tables or file.tables,
        exclude=request.exclude or (() if request.tables else file.exclude),
        cut=(*request.cut, *file.subset.cut),
        with_parents=request.with_parents,
    )
    rules = await resolve_rules(ctx, job, catalog, selected)
    findings = await check_coverage(ctx, job, catalog, selected, rules)
    selections = await choose_rows(ctx, job, catalog, selected)
    plans = await plan_tables(ctx, job, selected, rules, selections)
    await check_run(ctx, job, plans)
    await check_target(ctx, job, plans)
    await try_rows(ctx, job, plans)
    report = SyncReport(
        source=shown_side(job.source),
        target=shown_side(job.target),
        findings=tuple(findings),
        key=job.key.fingerprint if any(plan.rules for plan in plans) else None,
        run_id=job.run_id,
        dry_run=request.dry_run,
        resumed=request.resume,
    )
    if request.dry_run:
        return msgspec.structs.replace(report, tables=tuple(shown_plan(plan) for plan in plans))
    former = await look_at_target(ctx, job, plans)
    async with Loader(ctx, job, plans) as loader, running(ctx, job, plans) as run:
        tables = await copy_tables(ctx, job, plans, loader, run)
        await loader.finish()
    checks = await verify(ctx, job, catalog, plans, tables, former) if request.verify else ()
    failed = any(not check.ok for check in checks)
    return msgspec.structs.replace(
        report, tables=tuple(tables), checks=tuple(checks), exit_code=_CHECKS_FAILED if failed else 0
    )
