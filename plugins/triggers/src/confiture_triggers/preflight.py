"""What is in the way of capturing tables by triggers. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from confiture.model import CaptureFinding
from confiture.quoting import quote_ident
from confiture_triggers.catalog import Column, Relation, read_columns, read_relation_oid, read_relations
from confiture_triggers.naming import PREFIX

if TYPE_CHECKING:
    from confiture.model import CapturedTable
    from confiture.protocols import Connection

__all__ = ["preflight"]

_OLDEST = 12
_ROOM = """
SELECT pg_catalog.pg_is_in_recovery() AS standby, n.oid IS NOT NULL AS there,
       CASE WHEN n.oid IS NULL
            THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
            ELSE pg_catalog.has_schema_privilege(n.oid, 'CREATE')
             AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') END AS room,
       CURRENT_USER AS role, pg_catalog.current_database() AS database
  FROM (VALUES (1)) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1
"""
_EARLIER = "SELECT tgname FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND pg_catalog.starts_with(tgname::text, $2)"
_KINDS = {
    "f": "a foreign table: it changes elsewhere",
    "v": "a view",
    "m": "a materialized view",
    "S": "a sequence",
    "i": "an index",
    "c": "a type",
}
_PERSISTENCE = {
    "t": "temporary: nobody else sees its rows",
    "u": "unlogged: it is emptied by a crash, without a trigger",
}


async def preflight(connection: Connection, schema: str, tables: Sequence[CapturedTable]) -> list[CaptureFinding]:
    """First what concerns all tables, then each of them."""
    found = [
        CaptureFinding(level="error", message=message, hint=hint)
        for message, hint in await _about_the_database(connection, schema)
    ]
    for table in tables:
        oid = await read_relation_oid(connection, table.sql)
        if oid is None:
            found.append(_error(table, "it is not there"))
            continue
        relations = await read_relations(connection, oid)
        found += _about_relations(table, relations)
        if relations[0].kind in ("r", "p"):
            found += _about_columns(table, await read_columns(connection, oid))
        earlier = await connection.fetchval(_EARLIER, oid, PREFIX)
        if earlier is not None:
            message = f"it has the trigger {earlier!r} of another capture: each of them costs its writers something"
            found.append(CaptureFinding(level="warning", table=table.label, message=message))
    if tables:
        which = "the table" if len(tables) == 1 else f"each of {len(tables)} tables"
        found.append(
            CaptureFinding(
                level="lock",
                message=f"SHARE ROW EXCLUSIVE on {which} for a moment, while its triggers are "
                "made: reads go on, writes wait. From then on whoever changes a row writes its key to a log as well",
            )
        )
    return found


async def _about_the_database(connection: Connection, schema: str) -> list[tuple[str, str]]:
    version = connection.get_server_version()
    room = await connection.fetchrow(_ROOM, schema)
    found = []
    if version[0] < _OLDEST:
        found.append((f"the server is PostgreSQL {version[0]}", f"it must be PostgreSQL {_OLDEST} or later"))
    if room["standby"]:
        found.append(("the server is a standby: nothing can be installed", "connect to its primary"))
    if not room["room"]:
        there, database = room["there"], quote_ident(room["database"])
        right = f"CREATE, USAGE ON SCHEMA {quote_ident(schema)}" if there else f"CREATE ON DATABASE {database}"
        message = f"the role {room['role']!r} may not make the log in the schema {schema!r}"
        found.append((message, f"GRANT {right} TO {quote_ident(room['role'])}"))
    return found


def _about_relations(table: CapturedTable, relations: Sequence[Relation]) -> Iterator[CaptureFinding]:
    root = relations[0]
    for relation in relations:
        which = "it is" if relation is root else f"its partition {relation.label!r} is"
        if relation.kind not in ("r", "p"):
            yield _error(table, f"{which} {_KINDS.get(relation.kind, 'no table')}")
        elif relation.persistence != "p":
            yield _error(table, f"{which} {_PERSISTENCE[relation.persistence]}")
        elif not relation.owned:
            hint = f"GRANT {quote_ident(relation.owner)} to this role: only an owner can have a trigger always fire"
            yield _error(table, f"{which} owned by {relation.owner!r}, whose rights this role has not", hint)
    if root.inherited:
        yield CaptureFinding(
            level="warning", table=table.label, message="rows of tables that inherit from it are not captured with it"
        )


def _about_columns(table: CapturedTable, columns: dict[str, Column]) -> Iterator[CaptureFinding]:
    for name in table.columns:
        column = columns.get(name)
        if column is None:
            yield _error(table, f"it has no column {name!r}")
        elif column.generated == "v":
            yield _error(table, f"its column {name!r} is virtual: triggers do not see what it is")


def _error(table: CapturedTable, message: str, hint: str | None = None) -> CaptureFinding:
    return CaptureFinding(level="error", table=table.label, message=message, hint=hint)
