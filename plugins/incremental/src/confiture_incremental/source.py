"""The source ``migrations``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio.to_thread

from confiture.errors import SourceUnreadable
from confiture.migrations.backfill import Backfill
from confiture.migrations.finding import MigrationFile, find_project_migrations
from confiture.migrations.loading import record_migration
from confiture.migrations.scripts import with_data
from confiture.model import Plan, SourceFile, Statement

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
        is no file. Backfills are done at once, since nobody else is there. Raises ``SourceError`` and its kin for a
        migration that cannot be read.
        """
        if what == "seeds":
            return ()
        # Reading has no side effect on anything outside of this process.
        return await anyio.to_thread.run_sync(_load, ctx.project, what, abandon_on_cancel=True)


def _load(project: Project, what: str) -> list[SourceFile]:
    migrations = find_project_migrations(project)
    if "," in what:
        chosen = {_position(migrations, version) for version in what.split(",") if version}
        migrations = [migrations[position] for position in sorted(chosen)]
    elif what:
        migrations = migrations[: _position(migrations, what) + 1]
    return [SourceFile(one.shown, up_script(one)) for one in migrations]


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
    plan = record_migration(migration, "up")
    return plan.sources[0].sql if migration.is_sql else script_of(plan)


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
