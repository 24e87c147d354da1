"""Other tools' histories: where they are, what they say. Nothing of them is ever changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import Refused

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["HISTORY_TABLES", "TOOLS", "ForeignHistory", "ForeignTable", "find_foreign_tables", "read_foreign_history"]

#: Where other tools keep what they have applied, and whose that is.
HISTORY_TABLES = {
    "__diesel_schema_migrations": "Diesel",
    "__EFMigrationsHistory": "Entity Framework",
    "_prisma_migrations": "Prisma",
    "_sqlx_migrations": "SQLx",
    "_yoyo_log": "yoyo",
    "_yoyo_migration": "yoyo",
    "_yoyo_version": "yoyo",
    "alembic_version": "Alembic",
    "ar_internal_metadata": "Rails",
    "databasechangelog": "Liquibase",
    "databasechangeloglock": "Liquibase",
    "django_migrations": "Django",
    "flyway_schema_history": "Flyway",
    "goose_db_version": "goose",
    "knex_migrations": "Knex",
    "knex_migrations_lock": "Knex",
    "pgmigrations": "node-pg-migrate",
    "schema_migrations": "dbmate, golang-migrate or Rails",
    "yoyo_lock": "yoyo",
}
#: The tools whose histories are read, each with its table and the columns by which that is known.
TOOLS = {
    "alembic": ("alembic_version", frozenset({"version_num"})),
    "django": ("django_migrations", frozenset({"id", "app", "name", "applied"})),
    "flyway": ("flyway_schema_history", frozenset({"installed_rank", "version", "type", "script", "success"})),
    "dbmate": ("schema_migrations", frozenset({"version"})),
    "yoyo": ("_yoyo_migration", frozenset({"migration_id", "applied_at_utc"})),
}
#: golang-migrate's table of the same name keeps one row, and whether that migration failed.
_NOT_DBMATE = "dirty"


class ForeignTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table in which some tool keeps its history. ``table`` is SQL text; ``tool`` is one of ``TOOLS``, else None."""

    table: str
    tool: str | None = None


class ForeignHistory(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool says is applied. ``table`` is SQL text; ``revisions`` as the tool names them, oldest first.

    ``newest`` are those that stand for all: the heads, or the last one of each part.
    """

    tool: str
    table: str
    revisions: tuple[str, ...]
    newest: tuple[str, ...]


async def find_foreign_tables(connection: Connection) -> tuple[ForeignTable, ...]:
    """The tables of the database in which some tool keeps a history, by name."""
    rows = await connection.fetch(
        "SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS table, relname AS name,"
        " array_agg(attname::text) AS columns"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace"
        " JOIN pg_catalog.pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
        " WHERE relkind IN ('r', 'p') AND relname = ANY($1) GROUP BY 1, 2 ORDER BY 2, 1",
        list(HISTORY_TABLES),
    )
    return tuple(
        ForeignTable(
            table=row["table"],
            tool=_tool_of(row["name"], frozenset(row["columns"])),
        )
        for row in rows
    )


def _tool_of(name: str, columns: frozenset[str]) -> str | None:
    for tool, (table, known) in TOOLS.items():
        if name == table and known <= columns and not (tool == "dbmate" and _NOT_DBMATE in columns):
            return tool
    return None


async def read_foreign_history(connection: Connection, found: ForeignTable) -> ForeignHistory:
    """What the table says. Raises ``Refused`` where its tool says that one of its migrations failed."""
    assert found.tool is not None
    revisions, newest = await _READERS[found.tool](connection, found.table)
    return ForeignHistory(tool=found.tool, table=found.table, revisions=revisions, newest=newest)


_Revisions = tuple[tuple[str, ...], tuple[str, ...]]


async def _alembic(connection: Connection, table: str) -> _Revisions:
    """The table holds the heads, and nothing of what came before them."""
    heads = tuple(row[0] for row in await connection.fetch(f"SELECT version_num FROM {table} ORDER BY 1"))
    return heads, heads


async def _django(connection: Connection, table: str) -> _Revisions:
    rows = await connection.fetch(f"SELECT app, name FROM {table} ORDER BY id")
    last = {row["app"]: f"{row['app']}.{row['name']}" for row in rows}
    return tuple(f"{row['app']}.{row['name']}" for row in rows), tuple(last.values())


async def _flyway(connection: Connection, table: str) -> _Revisions:
    rows = await connection.fetch(f"SELECT version, type, script, success FROM {table} ORDER BY installed_rank")
    applied: dict[str, None] = {}
    for row in rows:
        # Repeatable ones have no version, and a row each time they were run.
        name = row["version"] or row["script"]
        if not row["success"]:
            raise Refused(
                f"Flyway's migration {name} ({row['script']}) failed in this database",
                hint="mend that first, with `flyway repair` at its end; or leave its history out: --from none",
            )
        applied.pop(name, None)
        if row["type"] != "SCHEMA" and row["type"] != "DELETE" and not row["type"].startswith("UNDO"):
            applied[name] = None
    return _last(tuple(applied))


async def _dbmate(connection: Connection, table: str) -> _Revisions:
    return _last(tuple(row[0] for row in await connection.fetch(f"SELECT version::text FROM {table} ORDER BY 1")))


async def _yoyo(connection: Connection, table: str) -> _Revisions:
    rows = await connection.fetch(f"SELECT migration_id FROM {table} ORDER BY applied_at_utc, migration_id")
    return _last(tuple(row[0] for row in rows))


def _last(revisions: tuple[str, ...]) -> _Revisions:
    return revisions, revisions[-1:]


_READERS: dict[str, Callable[[Any, str], Awaitable[_Revisions]]] = {
    "alembic": _alembic,
    "django": _django,
    "flyway": _flyway,
    "dbmate": _dbmate,
    "yoyo": _yoyo,
}
