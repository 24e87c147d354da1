"""Writes the migration that takes a drifted database to where it should be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from confiture.config.project import MigrationsConfig
from confiture.errors import ExecutionError, Refused, SourceError
from confiture.migrations.finding import MigrationFile, migrations_folder
from confiture.migrations.writing import write_migration, write_sql_pair
from confiture.model import Statement
from confiture_incremental.drift.promised import promised_by
from confiture_incremental.drift.tolerant import tolerant
from confiture_incremental.migrating import files_and_checksums

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_incremental.drift.model import DriftRequest
    from confiture_incremental.model import IncrementalConfig

__all__ = ["write_fix"]

_NOTE = "brings back what was changed by hand in {}; does nothing where it was not. Its way back does nothing either"


async def write_fix(
    ctx: Context, config: IncrementalConfig, request: DriftRequest, promised: str, files: Sequence[MigrationFile]
) -> Path:
    """Write it; its path. ``files`` are the migrations so far, ``promised`` is the side that is to be reached.

    It is tried: all migrations with it must still give what is promised. Raises ``DecisionsNeeded`` as ``migrate diff``
    does, and ``Refused``, leaving no file, where it would fail on a database that has not drifted.
    """
    report = await ctx.start(
        "diff", old="env:", new=promised, backward=False,
        exclude=request.exclude, renames=request.renames, drops=request.drops,
    )  # fmt: skip
    statements = [tolerant(statement) for statement in report.plan.statements]
    path = await anyio.to_thread.run_sync(_write, ctx, request, statements)
    try:
        await _prove(ctx, config, request, files)
    except BaseException:
        with anyio.CancelScope(shield=True):  # a cancelled run would stop at the first await, and leave the file
            for each in _files_of(path):
                await anyio.Path(each).unlink(missing_ok=True)
        raise
    return path


def _write(ctx: Context, request: DriftRequest, statements: Sequence[Statement]) -> Path:
    folder = migrations_folder(ctx.project)
    options: dict[str, Any] = {
        "numbering": ctx.settings("migrations", MigrationsConfig).numbering,
        "docstring_notes": {"Drift": [_NOTE.format(ctx.environment.name)]},
    }
    if request.sql:
        return write_sql_pair(folder, request.name, statements, (), **options)[0]
    return write_migration(folder, request.name, statements, (), **options)


async def _prove(
    ctx: Context, config: IncrementalConfig, request: DriftRequest, before: Sequence[MigrationFile]
) -> None:
    files, _ = await files_and_checksums(ctx)
    async with promised_by(ctx, config, files) as after, promised_by(ctx, config, before) as without:
        wanted = "" if request.against == "schema" else without
        try:
            report = await ctx.start("diff", old=after, new=wanted, plan=False, exclude=request.exclude)
        except (ExecutionError, SourceError) as error:
            reason = str(error)
        else:
            if not report.changed:
                return
            reason = f"{report.changes[0].kind} {report.changes[0].identity} would be another"
    raise Refused(
        "no migration can bring this drift back and do no harm elsewhere",
        detail=reason,
        hint="run the statements there by hand: `confiture migrate diff env:NAME --format sql` shows them",
    )


def _files_of(path: Path) -> list[Path]:
    if path.name.endswith(".up.sql"):
        return [path, path.with_name(path.name.removesuffix(".up.sql") + ".down.sql")]
    return [path]
