"""Migrations as plans: what is about to be run, read from its file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import HistoryConflict, Irreversible, SourceError
from confiture.migrations.finding import MigrationFile
from confiture.migrations.history import History, Standing
from confiture.migrations.loading import ReadMigration, read_migration
from confiture.migrations.tracking import Direction
from confiture.model import Plan
from confiture_incremental.segments import progress_of

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment

__all__ = ["Recorded", "read_all", "record", "record_live"]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A migration in one direction. ``plan`` is None until a database has told what it does (``async def``).

    ``done`` statements are done already, by a run that failed; -1 where none has begun it. ``interrupted``: nobody saw
    that run end, so that the next statement may have been begun, and may have taken place.
    """

    migration: ReadMigration
    direction: Direction
    plan: Plan | None
    done: int = -1
    interrupted: bool = False

    @property
    def version(self) -> str:
        """Its version, as the file's name has it."""
        return self.migration.file.version

    @property
    def name(self) -> str:
        """Its name, as the file's name has it."""
        return self.migration.file.name

    @property
    def rest(self) -> Plan:
        """What is left to be run."""
        assert self.plan is not None
        return msgspec.structs.replace(self.plan, statements=self.plan.statements[max(self.done, 0) :])


def read_all(files: Sequence[MigrationFile], direction: Direction) -> list[ReadMigration]:
    """Read the files. Raises ``SourceError`` and its kin, ``Irreversible`` for one that has no way back."""
    found = [read_migration(file) for file in files]
    if direction == "down":
        for one in found:
            if not one.reversible:
                raise Irreversible(
                    f"the migration {one.file.version} ({one.file.name}) has no way back",
                    file=one.file.shown,
                    hint="write a `down`, or go forward with a new migration; `confiture migrate down --steps` "
                    "and --target choose fewer",
                )
    return found


def record(migration: ReadMigration, direction: Direction, history: History) -> Recorded:
    """The migration as a plan, as far as that can be told without a database.

    Raises ``SourceError`` for one that does nothing: it would be recorded as applied, and nothing would be.
    """
    standing = history.standings.get(migration.file.number)
    if migration.reads(direction):
        return Recorded(migration=migration, direction=direction, plan=None, **_half_way(standing, direction))
    plan = migration.record(direction)
    if not plan.statements and direction == "up":
        raise SourceError(
            "does nothing: its up has no statement",
            file=migration.file.shown,
            hint="write what it is to do, or remove the file",
        )
    return _checked(migration, direction, plan, standing)


async def record_live(recorded: Recorded, deployment: Deployment) -> Recorded:
    """The same for one that reads: it gets the rows of the database as it is now, in one read-only snapshot."""
    if recorded.plan is not None:
        return recorded
    ctx, connection = deployment.ctx, deployment.connection
    async with ctx.transaction(connection, isolation="repeatable_read", readonly=True):
        plan = await recorded.migration.record_live(recorded.direction, partial(_fetch, connection))
    standing = deployment.history.standings.get(recorded.migration.file.number)
    return _checked(recorded.migration, recorded.direction, plan, standing)


async def _fetch(connection: Any, sql: str, *args: Any) -> list[Any]:
    found: list[Any] = await connection.fetch(sql, *args)
    return found


def _half_way(standing: Standing | None, direction: Direction) -> dict[str, Any]:
    """How far an earlier run came."""
    if standing is None or standing.partial != direction:
        return {}
    return {"done": standing.done, "interrupted": standing.last.state == "started"}


def _checked(migration: ReadMigration, direction: Direction, plan: Plan, standing: Standing | None) -> Recorded:
    half_way = _half_way(standing, direction)
    done = half_way.get("done", -1)
    if standing is not None and done > 0 and progress_of(plan.statements, done) != standing.progress:
        raise HistoryConflict(
            f"the first {done} statements of {migration.file.version} ({direction}) are done, and are not those that "
            f"{migration.file.shown!r} has now",
            file=migration.file.shown,
            hint="take back the edit of those statements (what comes after them may change), or say how it stands: "
            f"`confiture migrate repair {migration.file.version}`",
        )
    return Recorded(migration=migration, direction=direction, plan=plan, **half_way)
