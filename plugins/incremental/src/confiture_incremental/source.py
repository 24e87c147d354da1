"""The source ``migrations``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio.to_thread

from confiture.errors import SourceUnreadable
from confiture.migrations.backfill import Backfill
from confiture.migrations.finding import MigrationFile, find_project_migrations
from confiture.migrations.loading import ReadMigration, read_migration
from confiture.migrations.scripts import with_data
from confiture.model import Note, Plan, SourceFile, Statement

if TYPE_CHECKING:
    from confiture.config import Project
    from confiture.protocols import Context

__all__ = ["MigrationsSource", "script_of", "up_script"]


class MigrationsSource:
    """What the project's migrations do, one after the other, to a database that was empty."""

    async def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        """One file a migration, by version, whatever ``order`` says: the statements of its ``up`` as a script.

        ``what``: ``""`` for all of them, else the version of the last one (``005``; ``5`` is the same), or several
        versions with commas between them for these alone (``001,003``; ``001,`` for one). Without any migration there
        is no file. Backfills are done at once, since nobody else is there. What reads the database (``async def up``)
        is run on a scratch one, after those before it. Raises ``SourceError`` and its kin for a migration that cannot
        be read, ``StatementFailed`` where one of these cannot be run.
        """
        if what == "seeds":
            return ()
        # Reading has no side effect on anything outside of this process.
        migrations = await anyio.to_thread.run_sync(_chosen, ctx.project, what, abandon_on_cancel=True)
        reading = max((number for number, one in enumerate(migrations, 1) if one.reads("up")), default=0)
        live = await _live(ctx, migrations[:reading]) if reading else []
        return [*live, *(SourceFile(one.file.shown, _script(one)) for one in migrations[reading:])]


def _chosen(project: Project, what: str) -> list[ReadMigration]:
    migrations = find_project_migrations(project)
    if "," in what:
        chosen = {_position(migrations, version) for version in what.split(",") if version}
        migrations = [migrations[position] for position in sorted(chosen)]
    elif what:
        migrations = migrations[: _position(migrations, what) + 1]
    return [read_migration(one) for one in migrations]


async def _live(ctx: Context, migrations: Sequence[ReadMigration]) -> list[SourceFile]:
    """The same where some of them read: they are run on a scratch database, whose rows are those that they make."""
    from confiture_incremental.model import IncrementalConfig
    from confiture_incremental.recorded import record, record_live
    from confiture_incremental.running import run_migration
    from confiture_incremental.scratch import open_scratch

    found = []
    async with open_scratch(ctx, ctx.settings("incremental", IncrementalConfig), "migrations") as scratch:
        for one in migrations:
            if one.reads("up"):
                name = f"{one.file.version} ({one.file.name})"
                ctx.emit(Note(message=f"{name} reads the database: replayed, it finds what the migrations put there"))
            recorded = await record_live(record(one, "up", scratch.history), scratch)
            assert recorded.plan is not None
            text = one.source.sql if one.file.is_sql else script_of(recorded.plan)
            found.append(SourceFile(one.file.shown, text))
            await run_migration(scratch, recorded)
    return found


def _position(migrations: Sequence[MigrationFile], version: str) -> int:
    if version.isascii() and version.isdecimal():
        for position, migration in enumerate(migrations):
            if migration.number == int(version):
                return position
    last = migrations[-1].version if migrations else None
    hint = f"the last one is {last!r}: `migrations:{last}`" if last else "there is no migration yet: `migrations:`"
    raise SourceUnreadable(f"there is no migration of version {version!r}", hint=hint)


def up_script(migration: MigrationFile) -> str:
    """What its ``up`` does, as a script. Raises as :func:`confiture.migrations.loading.record_migration`."""
    return _script(read_migration(migration))


def _script(migration: ReadMigration) -> str:
    plan = migration.record("up")
    return plan.sources[0].sql if migration.file.is_sql else script_of(plan)


def script_of(plan: Plan) -> str:
    """The statements, each in the line that it has in the migration as far as that goes: errors then name that line."""
    text = ""
    line = 1
    for statement in plan.statements:
        if statement.origin is not None and statement.origin.line > line:
            text += "\n" * (statement.origin.line - line)
        one = Statement(sql=statement.at_once) if isinstance(statement, Backfill) else statement
        text += with_data(one) + "\n"
        line = text.count("\n") + 1
    return text
