"""Each migration up, down and up again on a scratch database, its schema read in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import anyio.to_thread

from confiture.errors import ConfitureError, DatabaseConnectionError, Irreversible
from confiture.hooks import INSPECTOR
from confiture.migrations.finding import MigrationFile
from confiture.migrations.loading import ReadMigration, read_migration
from confiture.migrations.tracking import Direction
from confiture.model import Progress, Schema
from confiture_incremental.differences import between
from confiture_incremental.recorded import record
from confiture_incremental.running import run_migration
from confiture_incremental.scratch import ScratchDeployment, open_scratch
from confiture_incremental.verify.model import Way, WayState

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_incremental.model import IncrementalConfig

__all__ = ["try_ways"]

_STEP = "migrate.verify"


async def try_ways(
    ctx: Context,
    config: IncrementalConfig,
    files: Sequence[MigrationFile],
    chosen: frozenset[int],
    *,
    at_end: Callable[[ScratchDeployment], Awaitable[None]] | None,
) -> tuple[list[Way], list[str]]:
    """Run all migrations, those of the numbers ``chosen`` to and fro; what was left out, as it belongs to a server.

    ``at_end`` is called with the database that has all of them. Raises what a way up raises.
    """
    ways: list[Way] = []
    left_out: dict[str, None] = {}
    last = len(files) if at_end else max((n for n, file in enumerate(files, 1) if file.number in chosen), default=0)
    position = 0
    while True:
        if position >= last and at_end is None:
            return ways, list(left_out)
        # A way that leads elsewhere has spoilt the database: the next migration starts on a new one.
        async with open_scratch(ctx, config, "verify") as scratch:
            for file in files[:position]:
                await _run(scratch, await _read(file), "up")
            position, spoilt = await _go(scratch, files[:last], position, chosen, ways)
            left_out |= scratch.left_out
            if not spoilt and at_end is not None:
                await at_end(scratch)
            if not spoilt:
                return ways, list(left_out)


async def _go(
    scratch: ScratchDeployment, files: Sequence[MigrationFile], start: int, chosen: frozenset[int], ways: list[Way]
) -> tuple[int, bool]:
    """Go on with ``files[start]`` until the end or until the database is spoilt: where that is, and whether it is."""
    before: Schema | None = None
    for number in range(start, len(files)):
        file = files[number]
        migration = await _read(file)
        if file.number not in chosen:
            await _run(scratch, migration, "up")
            before = None
        else:
            before = before or await _inspect(scratch)
            way = await _try(scratch, migration, before)
            ways.append(way)
            if not way.good:
                return number + 1, True
            before = None
        scratch.ctx.emit(Progress(step=_STEP, done=number + 1, total=len(files), unit="migrations"))
    return len(files), False


async def _try(scratch: ScratchDeployment, migration: ReadMigration, before: Schema) -> Way:
    way = Way(version=migration.file.version, name=migration.file.name, state="ok")
    await _run(scratch, migration, "up")
    try:
        await _run(scratch, migration, "down")
    except Irreversible as error:
        return _but(way, "irreversible", error)
    except DatabaseConnectionError:
        raise
    except ConfitureError as error:
        return _but(way, "down failed", error)
    if differences := between(await _inspect(scratch), before):
        return Way(version=way.version, name=way.name, state="differs", differences=differences)
    try:
        await _run(scratch, migration, "up")
    except DatabaseConnectionError:
        raise
    except ConfitureError as error:
        return _but(way, "up failed", error)
    return way


def _but(way: Way, state: WayState, error: ConfitureError) -> Way:
    return Way(version=way.version, name=way.name, state=state, message=error.message, where=error.where or None)


async def _read(file: MigrationFile) -> ReadMigration:
    return await anyio.to_thread.run_sync(read_migration, file, abandon_on_cancel=True)


async def _run(scratch: ScratchDeployment, migration: ReadMigration, direction: Direction) -> None:
    """Run it as ``up`` and ``down`` do. Raises as they do."""
    recorded = await anyio.to_thread.run_sync(record, migration, direction, scratch.history, abandon_on_cancel=True)
    await run_migration(scratch, recorded)


async def _inspect(scratch: ScratchDeployment) -> Schema:
    return await scratch.ctx.get(INSPECTOR, "catalog").inspect(scratch.ctx, scratch.target)
