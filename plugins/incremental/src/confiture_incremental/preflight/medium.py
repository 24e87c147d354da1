"""The medium ``preflight``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec

from confiture.config.project import MigrationsConfig
from confiture.errors import ConfirmationNeeded
from confiture.estimating import read_sizes
from confiture.migrations.loading import read_migration
from confiture.model import StepFinished, StepStarted
from confiture_incremental.deployment import deployment
from confiture_incremental.gates.protecting import check_confirmed
from confiture_incremental.migrating import configuration, files_and_checksums
from confiture_incremental.model import Told, UpRequest
from confiture_incremental.preflight.copying import open_copy
from confiture_incremental.preflight.for_real import try_for_real
from confiture_incremental.preflight.model import PreflightReport, PreflightRequest, Tried
from confiture_incremental.preflight.replaying import replay
from confiture_incremental.preflight.stopping import stopping
from confiture_incremental.recorded import Recorded, read_all, record
from confiture_incremental.selecting import select_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.protocols import Context
    from confiture_incremental.deployment import Deployment

__all__ = ["PreflightMedium"]

_STEP = "migrate.preflight"


class PreflightMedium:
    """Finds out what ``up`` would do and meet."""

    request_type: type[PreflightRequest] = PreflightRequest

    async def run(self, ctx: Context, request: PreflightRequest) -> PreflightReport:
        """Try what is pending in the run's environment, and leave it as it is.

        What fails is in the report. Raises ``SourceError`` and ``HistoryConflict`` as ``up`` does, ``Refused`` for a
        schema that cannot be copied, and with ``for_real`` ``ConfirmationNeeded`` for a protected environment and
        ``Busy`` where another one migrates.
        """
        started = time.monotonic()
        fields = {field.name for field in msgspec.structs.fields(UpRequest)}
        asked = {name: getattr(request, name) for name in request.__struct_fields__ if name in fields}
        as_up = UpRequest(**asked)
        target = await ctx.target()
        report = PreflightReport(environment=ctx.environment.name, database=target.database, for_real=request.for_real)
        async with deployment(ctx, target, configuration(ctx, request), writes=request.for_real) as seen:
            recorded = await _pending(ctx, seen, as_up)
            if not recorded:
                return msgspec.structs.replace(report, seconds=time.monotonic() - started)
            if request.for_real:
                check_confirmed(seen, recorded, as_up)
            ctx.emit(StepStarted(step=_STEP, label=f"preflight: {len(recorded)} migrations"))
            found = await stopping(seen, recorded, as_up)
            sizes = await read_sizes(ctx, target)
            not_tried: list[str] = []
            if request.for_real:
                tried, not_tried, notes = await try_for_real(seen, recorded, found, as_up, sizes)
            else:
                async with open_copy(ctx, seen.config, request.exclude) as scratch:
                    tried, notes = await replay(scratch, recorded, found, as_up, sizes)
        notes += [
            f"the files of {name} were not run" for name in ("before_up", "after_up") if getattr(seen.config, name)
        ]
        seconds = time.monotonic() - started
        ctx.emit(StepFinished(step=_STEP, seconds=seconds, summary=f"{len(tried)} migrations"))
        report = msgspec.structs.replace(
            report,
            migrations=tuple(_with_hazards(one, found.told) for one in tried),
            stops=tuple(found.stops),
            not_tried=tuple(not_tried),
            notes=tuple(notes),
            seconds=seconds,
        )
        return msgspec.structs.replace(report, exit_code=_exit_code(report))


async def _pending(ctx: Context, seen: Deployment, request: UpRequest) -> list[Recorded]:
    """What ``up`` would run."""
    files, checksums = await files_and_checksums(ctx)
    selection = select_up(
        files,
        checksums,
        seen.history,
        target=request.target,
        steps=request.steps,
        allow_out_of_order=request.allow_out_of_order,
        allow_gaps=ctx.settings("migrations", MigrationsConfig).allow_gaps,
        replaces=lambda file: read_migration(file).replaces,
    )

    def read() -> list[Recorded]:
        return [record(one, "up", seen.history) for one in read_all(selection.files, "up")]

    return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)


def _with_hazards(one: Tried, told: Sequence[Told]) -> Tried:
    """With what the reviewers say, too."""
    hazards = next((each.hazards for each in told if each.version == one.version), ())
    return msgspec.structs.replace(one, hazards=hazards)


def _exit_code(report: PreflightReport) -> int:
    problems = [*report.stops, *(one.failure for one in report.migrations if one.failure is not None)]
    return next((each.exit_code for each in problems if each.code != ConfirmationNeeded.code), 0)
