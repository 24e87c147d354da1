"""What a database's history says is applied, as a side of a comparison."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio.to_thread

from confiture.errors import HistoryConflict
from confiture.migrations.finding import MigrationFile
from confiture.migrations.loading import read_migration
from confiture_incremental.recorded import record, record_live
from confiture_incremental.running import run_migration
from confiture_incremental.scratch import open_scratch
from confiture_incremental.source import script_of

if TYPE_CHECKING:
    from confiture.migrations.history import History
    from confiture.protocols import Context
    from confiture_incremental.model import IncrementalConfig

__all__ = ["applied_files", "promised_by"]


def applied_files(files: Sequence[MigrationFile], history: History) -> list[MigrationFile]:
    """The files of what is applied. Raises ``HistoryConflict`` where one is gone, and nothing stands for it."""
    numbers = {standing.number for standing in history.applied}
    found = [file for file in files if file.number in numbers]
    missing = numbers - {file.number for file in found}
    if missing:
        replaced = {int(version) for file in found for version in read_migration(file).replaces}
        for standing in history.applied:
            if standing.number in missing - replaced:
                raise HistoryConflict(
                    f"the migration {standing.version} ({standing.name}) is applied, and its file is gone: nobody "
                    "knows what it promises",
                    hint="get the file back from version control; or compare with db/schema/: --against schema",
                )
    return found


@asynccontextmanager
async def promised_by(ctx: Context, config: IncrementalConfig, files: Sequence[MigrationFile]) -> AsyncIterator[str]:
    """How a side with these migrations is written, until the block ends.

    What one that reads does is known once it has run: then all of them are run on a scratch database.
    """
    reads = await anyio.to_thread.run_sync(_reads, files, abandon_on_cancel=True)
    if not reads:
        yield "migrations:" + "".join(f"{file.version}," for file in files) if files else "empty:"
        return
    with TemporaryDirectory(prefix="confiture-") as folder:
        async with open_scratch(ctx, config, "drift") as scratch:
            for file in files:
                recorded = await record_live(record(read_migration(file), "up", scratch.history), scratch)
                assert recorded.plan is not None
                await anyio.Path(folder, f"{file.version}_{file.name}.sql").write_text(script_of(recorded.plan))
                await run_migration(scratch, recorded)
        yield str(Path(folder))


def _reads(files: Sequence[MigrationFile]) -> bool:
    return any(read_migration(file).reads("up") for file in files)
