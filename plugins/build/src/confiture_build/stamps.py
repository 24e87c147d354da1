"""The project's migrations, recorded as applied in what is built: the schema holds what they do.

What reads migrations is imported where there are some: a project without them pays nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec

from confiture.errors import PermissionMissing
from confiture.migrations.finding import MigrationFile, find_project_migrations
from confiture.model import Statement
from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.migrations.history import History
    from confiture.migrations.tracking import Record, Tracking
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["Stamps", "history_of", "read_stamps", "stamp", "stamping"]


class Stamps(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to write, and the table that they go to."""

    tracking: Tracking
    records: tuple[Record, ...]


async def read_stamps(ctx: Context) -> Stamps | None:
    """A row for each of the project's migrations; None where there are none.

    Nothing of them is run: the names and the texts are enough. Raises ``SourceError`` for a file that is named like a
    migration and is none.
    """
    files = find_project_migrations(ctx.project)
    return await anyio.to_thread.run_sync(_read, ctx, files, abandon_on_cancel=True) if files else None


def _read(ctx: Context, files: Sequence[MigrationFile]) -> Stamps:
    from confiture.migrations.loading import checksum_of
    from confiture.migrations.tracking import Record, tracking_of

    records = tuple(
        Record(version=file.version, name=file.name, checksum=checksum_of(file), state="built", seconds=0.0)
        for file in files
    )
    return Stamps(tracking=tracking_of(ctx.project, ctx.run_id), records=records)


async def history_of(connection: Connection, stamps: Stamps) -> History:
    """What the database's table says; an emptied database may have one.

    Raises ``PermissionMissing`` where the role may not write to it, or make it.
    """
    from confiture.migrations.history import read_history

    tracking = stamps.tracking
    history = await read_history(connection, tracking)
    if history.exists:
        where, allowed = f"write to {tracking.qualified}", "has_table_privilege($1, 'INSERT')"
        grant, name = f"GRANT INSERT ON {tracking.qualified}", tracking.qualified
    elif history.schema_exists:
        where, allowed = f"make a table in the schema {tracking.schema!r}", "has_schema_privilege($1, 'CREATE')"
        grant, name = f"GRANT CREATE ON SCHEMA {quote_ident(tracking.schema)}", tracking.schema
    else:
        where, allowed = f"make the schema {tracking.schema!r}", "has_database_privilege($1, 'CREATE')"
        name = await connection.fetchval("SELECT current_database()")
        grant = f"GRANT CREATE ON DATABASE {quote_ident(name)}"
    if not await connection.fetchval(f"SELECT {allowed}", name):
        role = await connection.fetchval("SELECT quote_ident(current_user)")
        raise PermissionMissing(
            f"the role {role} may not {where}, where the history of migrations is to be",
            hint=f"{grant} TO {role}; or name another place: `schema` and `table` under [migrations]",
        )
    return history


def stamping(stamps: Stamps, history: History) -> tuple[Statement, ...]:
    """What makes the table, as far as ``history`` says that it is needed, and writes the rows."""
    from confiture.migrations.tracking import LAYOUT

    tracking = stamps.tracking
    made: list[Statement] = []
    if not history.exists:
        # The schema's DDL, which may run before this in the same transaction, may make it as well.
        name = quote_ident(tracking.schema)
        create = f"CREATE SCHEMA {name}"
        made.append(
            Statement(
                sql=f"DO $confiture$BEGIN IF to_regnamespace({quote_literal(name)}) IS NULL THEN {create}; END IF; "
                "END$confiture$",
                kind="DoStmt",
            )
        )
        made += tracking.create(schema_exists=True)
    elif history.layout < LAYOUT:
        made += tracking.upgrade(history.columns, history.unique)
    return (*made, tracking.insert(stamps.records))


async def stamp(ctx: Context, target: Target, stamps: Stamps) -> None:
    """Write the rows, in a transaction of their own."""
    async with ctx.connect(target) as connection:
        statements = stamping(stamps, await history_of(connection, stamps))
        # Several statements in one message are one transaction.
        await connection.execute(";\n".join(statement.sql for statement in statements))
