"""The medium ``schema-to-schema-plan``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import Refused
from confiture.sides import shown_side
from confiture.transfer import worker_count
from confiture_schema_to_schema.begun import begun_finding
from confiture_schema_to_schema.capturing import LOCK
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.copying.sizing import Sizing
from confiture_schema_to_schema.following.beginning import watched
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import PlanReport, PlanRequest
from confiture_schema_to_schema.opening import opened
from confiture_schema_to_schema.planning.estimating import read_estimates
from confiture_schema_to_schema.planning.locking import disk_bytes, disk_findings, locks_of
from confiture_schema_to_schema.planning.measuring import Rate, measure
from confiture_schema_to_schema.planning.tables import planned_tables, times_of
from confiture_schema_to_schema.sides import find_sides

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.model import Finding
    from confiture_schema_to_schema.opening import Opened
    from confiture_schema_to_schema.values import Sides

__all__ = ["PlanMedium"]


class PlanMedium:
    """Reads, measures, and changes nothing. One instance may serve several runs."""

    request_type: type[PlanRequest] = PlanRequest

    async def run(self, ctx: Context, request: PlanRequest) -> PlanReport:
        """Say what a start would do. Errors among the findings are no exception: ``exit_code`` is 8 then.

        Raises ``ConfigError`` for a map that means nothing, ``UnknownProvider`` for an engine that is not installed.
        """
        sides = await find_sides(ctx, request)
        config = ctx.settings(SECTION, SchemaToSchemaConfig)
        map_ = read_map(ctx, request.mapping)
        async with opened(
            ctx,
            sides,
            map_,
            strategy=request.strategy or config.strategy,
            tables=request.tables,
            run_id=ctx.run_id,
            rows=request.preflight,
            sample=request.sample,
        ) as found:
            _, more = await watched(ctx, found.job, config.capture) if found.compiled else (None, ())
            capturing = [each for each in more if each.check == LOCK]
            others = [each for each in more if each.check != LOCK]
            findings = [*found.findings, *others]
            if (begun := await begun_finding(ctx, sides)) is not None:
                # Its rows are there, and maybe in use by now: nobody is told to empty that.
                findings = [begun, *(each for each in findings if each.check != "occupied")]
            found = msgspec.structs.replace(found, findings=tuple(findings))
            return await _report(ctx, sides, request, config, found, capturing)


async def _report(
    ctx: Context,
    sides: Sides,
    request: PlanRequest,
    config: SchemaToSchemaConfig,
    found: Opened,
    capturing: Sequence[Finding],
) -> PlanReport:
    job, target = found.job, found.target
    sizing = Sizing.of(config, worker_count(config.jobs), None)
    estimates = await read_estimates(ctx, job, target)
    rates: Mapping[int, Rate] = {}
    findings = found.findings
    if request.sample:
        rates, more = await measure(ctx, job, target, estimates)
        findings += more
    tables = planned_tables(ctx, job, target, sizing, estimates, rates)
    times = times_of(job, tables, estimates, sizing)
    needed = disk_bytes(estimates)
    findings += disk_findings(needed, await _max_wal_size(ctx, target) if found.exists else None)
    return PlanReport(
        source=shown_side(sides.source),
        target=shown_side(sides.target),
        mapping=job.map.shown,
        strategy=job.strategy,
        creates=not found.exists,
        tables=tables,
        findings=findings,
        locks=locks_of(job, tables, times, capturing) if tables else (),
        disk_bytes=needed,
        seconds=times.all if tables else None,
        exit_code=_exit_code(findings),
    )


async def _max_wal_size(ctx: Context, target: Target) -> str:
    async with ctx.connect(target) as connection:
        found: str = await connection.fetchval("SELECT pg_catalog.current_setting('max_wal_size')")
        return found


def _exit_code(findings: tuple[Finding, ...]) -> int:
    """That of what a start would raise."""
    return Refused.exit_code if any(finding.level == "error" for finding in findings) else 0
