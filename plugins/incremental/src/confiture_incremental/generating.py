"""The medium ``generate``: an empty migration of the next number, to be filled in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec

from confiture.config.project import MigrationsConfig
from confiture.migrations.finding import migrations_folder
from confiture.migrations.writing import write_empty

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["GenerateMedium", "GenerateReport", "GenerateRequest"]


class GenerateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``name`` says what the migration is to do; ``sql``: as a pair of SQL files."""

    name: str
    sql: bool = False


class GenerateReport(msgspec.Struct, frozen=True, kw_only=True):
    """The migration's version and name, and the files that were written, relative to the project."""

    version: str
    name: str
    paths: tuple[str, ...]


class GenerateMedium:
    """Writes an empty migration. Asks for no database."""

    request_type: type[GenerateRequest] = GenerateRequest

    async def run(self, ctx: Context, request: GenerateRequest) -> GenerateReport:
        """Write it, with the number that ``[migrations] numbering`` gives.

        Raises ``UsageError`` for a name that is none or that another migration has, ``SourceError`` for a folder whose
        files are no migrations.
        """
        numbering = ctx.settings("migrations", MigrationsConfig).numbering
        write = partial(write_empty, migrations_folder(ctx.project), request.name, sql=request.sql, numbering=numbering)
        paths = await anyio.to_thread.run_sync(write)
        version, _, name = paths[0].name.partition("_")
        return GenerateReport(
            version=version,
            name=name.removesuffix(".py").removesuffix(".up.sql"),
            paths=tuple(ctx.project.shown(path) for path in paths),
        )
