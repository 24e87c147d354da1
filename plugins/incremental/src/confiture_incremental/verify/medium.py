"""The medium ``verify``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio.to_thread

from confiture.config.dsn import to_uri
from confiture.errors import DatabaseConnectionError, HistoryConflict, ServerError
from confiture.migrations.finding import MigrationFile
from confiture.migrations.loading import read_migration
from confiture.model import Note, StepFinished, StepStarted
from confiture_incremental.deployment import deployment
from confiture_incremental.differences import from_changes
from confiture_incremental.migrating import configuration, files_and_checksums
from confiture_incremental.verify.model import VerifyReport, VerifyRequest, Way
from confiture_incremental.verify.ways import try_ways

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_incremental.differences import ObjectDifference
    from confiture_incremental.scratch import ScratchDeployment

__all__ = ["VerifyMedium"]

_STEP = "migrate.verify"
#: The exit code where something is to be mended.
_PROBLEMS = 2


class VerifyMedium:
    """Proves the migrations on scratch databases."""

    request_type: type[VerifyRequest] = VerifyRequest

    async def run(self, ctx: Context, request: VerifyRequest) -> VerifyReport:
        """Run the migrations on a scratch database, and compare what comes of it. No other database is written to.

        Raises ``SourceError`` for files that cannot be read, ``StatementFailed`` and its kin with the place in the
        file for a migration whose way up fails.
        """
        started = time.monotonic()
        files, _ = await files_and_checksums(ctx)
        chosen, pending_of = await _chosen(ctx, request, files)
        ctx.emit(StepStarted(step=_STEP, label=f"verify {len(files)} migrations"))
        reads = await anyio.to_thread.run_sync(_reads, files, abandon_on_cancel=True)
        found: list[ObjectDifference] = []

        async def compare(scratch: ScratchDeployment) -> None:
            # What reads the database can be told from no file: the database that it has run on is compared.
            old = to_uri(scratch.target.params, password=True)
            found.extend(await _differences(ctx, request, old))

        ways, left_out = await try_ways(ctx, configuration(ctx), files, chosen, at_end=compare if reads else None)
        if not reads:
            found.extend(await _differences(ctx, request, "migrations:"))
        wrong = bool(found) or not all(way.good for way in ways)
        seconds = time.monotonic() - started
        ctx.emit(StepFinished(step=_STEP, seconds=seconds, summary=_summary(ways)))
        return VerifyReport(
            migrations=len(files),
            differences=tuple(found),
            ways=tuple(ways),
            pending_of=pending_of,
            notes=tuple(f"not run on the scratch server: {name}" for name in left_out),
            seconds=seconds,
            exit_code=_PROBLEMS if wrong else 0,
        )


async def _chosen(
    ctx: Context, request: VerifyRequest, files: list[MigrationFile]
) -> tuple[frozenset[int], str | None]:
    """The numbers of the migrations to be tried, and the database that says which."""
    every = frozenset(file.number for file in files)
    if request.all:
        return every, None
    try:
        target = await ctx.target()
        async with deployment(ctx, target, configuration(ctx), writes=False) as seen:
            applied = frozenset(standing.number for standing in seen.history.applied)
    except (DatabaseConnectionError, ServerError, HistoryConflict) as error:
        ctx.emit(Note(message=f"all migrations are tried, since no database says what is pending: {error}"))
        return every, None
    return every - applied, target.database


async def _differences(ctx: Context, request: VerifyRequest, old: str) -> tuple[ObjectDifference, ...]:
    report = await ctx.start("diff", old=old, new="", plan=False, exclude=request.exclude)
    return from_changes(report.changes)


def _reads(files: list[MigrationFile]) -> bool:
    return any(read_migration(file).reads("up") for file in files)


def _summary(ways: list[Way]) -> str:
    return f"{sum(way.good for way in ways)} of {len(ways)} lead back"
