"""The mediums ``up``, ``down``, ``status`` and ``history``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture_incremental.deployment import deployment
from confiture_incremental.migrating import configuration, files_and_checksums, migrate
from confiture_incremental.model import (
    DownRequest,
    HistoryReport,
    HistoryRequest,
    RunReport,
    StatusReport,
    StatusRequest,
    UpRequest,
)

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["DownMedium", "HistoryMedium", "StatusMedium", "UpMedium"]


class UpMedium:
    """Applies what is pending."""

    request_type: type[UpRequest] = UpRequest

    async def run(self, ctx: Context, request: UpRequest) -> RunReport:
        """Apply what is pending, each migration in its transaction. Safe with many processes at once: one works, the
        others wait and then find nothing to do.

        Raises ``SourceError`` for files that cannot be read, ``HistoryConflict``, ``Refused`` and its kin before
        anything is touched, ``Busy`` for a deployer or a lock that does not go away, ``StatementFailed`` with the
        place in the file; then the migrations before it stay applied.
        """  # noqa: D205
        return await migrate(ctx, request, "up")


class DownMedium:
    """Takes back what is applied."""

    request_type: type[DownRequest] = DownRequest

    async def run(self, ctx: Context, request: DownRequest) -> RunReport:
        """Take back the newest migrations. Raises as ``up``, and ``Irreversible`` before anything is touched."""
        return await migrate(ctx, request, "down")


class StatusMedium:
    """Says how each migration stands."""

    request_type: type[StatusRequest] = StatusRequest

    async def run(self, ctx: Context, request: StatusRequest) -> StatusReport:
        """Compare the files and the history; changes nothing. Raises ``SourceError``, ``DatabaseConnectionError``."""
        from confiture_incremental.status import status_of

        files, checksums = await files_and_checksums(ctx)
        target = await ctx.target()
        gaps = ctx.settings("migrations", MigrationsConfig).allow_gaps
        async with deployment(ctx, target, configuration(ctx), writes=False) as seen:
            return status_of(ctx.environment.name, target.database, files, checksums, seen.history, allow_gaps=gaps)


class HistoryMedium:
    """Says what happened."""

    request_type: type[HistoryRequest] = HistoryRequest

    async def run(self, ctx: Context, request: HistoryRequest) -> HistoryReport:
        """The rows of the tracking table, newest first; none where there is no table."""
        from confiture_incremental.status import history_of

        target = await ctx.target()
        async with deployment(ctx, target, configuration(ctx), writes=False) as seen:
            return history_of(ctx.environment.name, target.database, seen.history, request)
