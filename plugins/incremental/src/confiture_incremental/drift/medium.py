"""The medium ``drift``."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from confiture.errors import HistoryConflict
from confiture_incremental.deployment import deployment
from confiture_incremental.differences import from_changes
from confiture_incremental.drift.fixing import write_fix
from confiture_incremental.drift.model import DriftReport, DriftRequest
from confiture_incremental.drift.promised import applied_files, promised_by
from confiture_incremental.migrating import configuration, files_and_checksums

if TYPE_CHECKING:
    from confiture.migrations.finding import MigrationFile
    from confiture.migrations.history import History
    from confiture.protocols import Context

__all__ = ["DriftMedium"]

#: The exit code where the database is not as it should be.
_DRIFTED = 2


class DriftMedium:
    """Compares a live database with what the project says of it."""

    request_type: type[DriftRequest] = DriftRequest

    async def run(self, ctx: Context, request: DriftRequest) -> DriftReport:
        """Compare the run's environment. Changes nothing in it.

        Raises ``HistoryConflict`` against migrations where there is no history or a file is gone, and where a fix is
        asked for while migrations are pending; as :func:`~confiture_incremental.drift.fixing.write_fix` does.
        """
        started = time.monotonic()
        config = configuration(ctx)
        files, _ = await files_and_checksums(ctx)
        target = await ctx.target()
        async with deployment(ctx, target, config, writes=False) as seen:
            history = seen.history
        pending = _pending(files, history)
        if request.against == "migrations" and not history.exists:
            raise HistoryConflict(
                f"{target.database!r} has no history: nothing says which migrations are applied",
                hint="record it: `confiture migrate baseline`; or compare with db/schema/: --against schema",
            )
        path = None
        async with AsyncExitStack() as stack:
            promised = ""
            if request.against == "migrations":
                applied = applied_files(files, history)
                promised = await stack.enter_async_context(promised_by(ctx, config, applied))
            report = await ctx.start("diff", old="env:", new=promised, plan=False, exclude=request.exclude)
            if report.changed and request.fix:
                _refuse_pending(request, pending)
                path = ctx.project.shown(await write_fix(ctx, config, request, promised, files))
        return DriftReport(
            environment=ctx.environment.name,
            database=target.database,
            against=request.against,
            differences=from_changes(report.changes),
            pending=pending,
            notes=tuple(report.notes),
            path=path,
            seconds=time.monotonic() - started,
            exit_code=_DRIFTED if report.changed and path is None else 0,
        )


def _pending(files: list[MigrationFile], history: History) -> tuple[str, ...]:
    if not history.exists:
        return ()
    applied = {standing.number for standing in history.applied}
    return tuple(file.version for file in files if file.number not in applied)


def _refuse_pending(request: DriftRequest, pending: tuple[str, ...]) -> None:
    if request.against == "schema" and pending:
        raise HistoryConflict(
            f"migrations are pending, and what they do shows as drift: {', '.join(pending)}",
            hint="apply them first; or mend what the applied ones promise: --against migrations",
        )
