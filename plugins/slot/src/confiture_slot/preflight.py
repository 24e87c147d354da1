"""What is in the way of capturing tables by a slot. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from confiture.model import CaptureFinding
from confiture.quoting import quote_ident
from confiture_slot.catalog import Column, Relation, read_columns, read_relation_oid, read_relations
from confiture_slot.creating import long_writers

if TYPE_CHECKING:
    from confiture.model import CapturedTable
    from confiture.protocols import Connection
    from confiture_slot.config import SlotConfig

__all__ = ["preflight"]

#: Messages between changes are decoded since then.
_OLDEST = 14
_GENERATED_SINCE = 18
_FLUSHING_SINCE = 17
_SERVER = r"""
SELECT pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_setting('wal_level') AS wal_level,
       pg_catalog.current_setting('max_replication_slots')::int AS slots,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots) AS used,
       EXISTS (SELECT FROM pg_catalog.pg_replication_slots s WHERE s.database = pg_catalog.current_database()
                  AND s.slot_name LIKE 'confiture\_%') AS installed,
       pg_catalog.current_setting('max_slot_wal_keep_size') AS keep,
       pg_catalog.current_setting('synchronous_commit') AS waited,
       pg_catalog.current_setting('wal_writer_delay') AS delay,
       coalesce(pg_catalog.current_setting('idle_replication_slot_timeout', true), '0') AS idle,
       CURRENT_USER AS role, pg_catalog.current_database() AS database,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS room,
       (SELECT r.rolreplication OR r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
       OR EXISTS (SELECT FROM pg_catalog.pg_roles r
                   WHERE r.rolname = 'rds_replication' AND pg_catalog.pg_has_role(r.oid, 'USAGE')) AS replicates
"""
_LOCKS = (
    "SHARE ROW EXCLUSIVE on {tables} for a moment, while it is put into the publication: reads go on, "
    "writes wait. The slot is made when every transaction that is writing has ended; nobody waits for it. From then on "
    "the server keeps the WAL until it was read"
)
_KINDS = {
    "f": "a foreign table: it changes elsewhere",
    "v": "a view",
    "m": "a materialized view",
    "S": "a sequence",
    "i": "an index",
    "c": "a type",
}
_PERSISTENCE = {"t": "temporary: nobody else sees its rows", "u": "unlogged: its changes are not in the WAL"}


async def preflight(
    connection: Connection, tables: Sequence[CapturedTable], config: SlotConfig
) -> list[CaptureFinding]:
    """First what concerns all tables, then each of them."""
    version: int = connection.get_server_version()[0]
    found = list(_about_the_server(version, await connection.fetchrow(_SERVER)))
    if writers := await long_writers(connection, config.create_s):
        found.append(
            _all(
                "warning",
                f"transactions have been writing for more than {config.create_s:g} s: {', '.join(writers)}",
                "the slot is made when they have ended, in whatever database of the server they are: see `create_s` "
                "under [slot]",
            )
        )
    for table in tables:
        oid = await read_relation_oid(connection, table.sql)
        if oid is None:
            found.append(_of(table, "error", "it is not there"))
            continue
        relations = await read_relations(connection, oid)
        about = list(_about_relations(table, relations))
        if relations[0].kind in ("r", "p"):
            about += _about_columns(table, version, await read_columns(connection, oid))
        if all(finding.level != "error" for finding in about):
            about += _about_identity(table, relations)
        found += about
    if tables:
        which = "the table" if len(tables) == 1 else f"each of {len(tables)} tables"
        found.append(_all("lock", _LOCKS.format(tables=which)))
    return found


def _about_the_server(version: int, server: Any) -> Iterator[CaptureFinding]:
    role = quote_ident(server["role"])
    if version < _OLDEST:
        yield _all("error", f"the server is PostgreSQL {version}", f"it must be PostgreSQL {_OLDEST} or later")
    if server["standby"]:
        yield _all("error", "the server is a standby: nothing can be installed", "connect to its primary")
    if server["wal_level"] != "logical":
        yield _all(
            "error",
            f"wal_level is {server['wal_level']!r}: the WAL does not tell of rows",
            "set wal_level = logical and restart the server (rds.logical_replication, cloudsql.logical_decoding), or "
            "use the capture 'triggers'",
        )
    if server["used"] >= server["slots"] and not server["installed"]:  # one that is here may be gone on with
        yield _all(
            "error",
            f"all {server['slots']} replication slots are in use",
            "drop one that nobody needs (pg_replication_slots), or raise max_replication_slots and restart",
        )
    if not server["replicates"]:
        yield _all(
            "error",
            f"the role {server['role']!r} may not use replication slots",
            f"ALTER ROLE {role} REPLICATION; on Amazon RDS: GRANT rds_replication TO {role}",
        )
    if not server["room"]:
        yield _all(
            "error",
            f"the role {server['role']!r} may not make a publication",
            f"GRANT CREATE ON DATABASE {quote_ident(server['database'])} TO {role}",
        )
    if server["keep"] == "-1":
        yield _all(
            "warning",
            "the server keeps all WAL from the last acknowledged change on, until its disk is full",
            "have it watched; max_slot_wal_keep_size gives up the capture instead of the server",
        )
    else:
        yield _all("note", f"the capture is lost where more than {server['keep']} of WAL wait (max_slot_wal_keep_size)")
    if server["waited"] == "off" and version < _FLUSHING_SINCE:
        yield _all(
            "warning",
            f"synchronous_commit is 'off': before PostgreSQL {_FLUSHING_SINCE}, each batch waits for the WAL writer, "
            f"up to three times {server['delay']} (wal_writer_delay), and a cutover does not come near",
            "set wal_writer_delay = '10ms' meanwhile",
        )
    if server["idle"] not in ("0", "0s", "0min"):
        yield _all(
            "warning",
            f"the capture is lost where nobody polls it for {server['idle']}",
            "set idle_replication_slot_timeout = 0 while it is needed",
        )


def _about_relations(table: CapturedTable, relations: Sequence[Relation]) -> Iterator[CaptureFinding]:
    root = relations[0]
    for relation in relations:
        which = "it is" if relation is root else f"its partition {relation.label!r} is"
        if relation.kind not in ("r", "p"):
            yield _of(table, "error", f"{which} {_KINDS.get(relation.kind, 'no table')}")
        elif relation.persistence != "p":
            yield _of(table, "error", f"{which} {_PERSISTENCE[relation.persistence]}")
        elif not relation.owned:
            hint = f"GRANT {quote_ident(relation.owner)} to this role: only an owner can publish a table"
            yield _of(table, "error", f"{which} owned by {relation.owner!r}, whose rights this role has not", hint)
    if root.inherited:
        yield _of(table, "warning", "rows of tables that inherit from it are not captured with it")


def _about_columns(table: CapturedTable, version: int, columns: dict[str, Column]) -> Iterator[CaptureFinding]:
    for name in table.columns:
        column = columns.get(name)
        if column is None:
            yield _of(table, "error", f"it has no column {name!r}")
        elif column.generated == "v":
            yield _of(table, "error", f"its column {name!r} is virtual: the WAL does not have it")
        elif column.generated and version < _GENERATED_SINCE:
            yield _of(
                table,
                "error",
                f"its column {name!r} is generated: it is not published before PostgreSQL {_GENERATED_SINCE}",
                "use the capture 'triggers'",
            )


def _about_identity(table: CapturedTable, relations: Sequence[Relation]) -> Iterator[CaptureFinding]:
    lacking = [(relation, unknown) for relation in relations if (unknown := relation.unknown(table.columns))]
    if lacking:
        relation, unknown = lacking[0]
        yield _of(
            table,
            "warning",
            f"its replica identity becomes FULL while it is captured: that of {relation.label!r} lacks the column "
            f"{unknown[0]!r}, and each UPDATE and DELETE will write the whole old row to the WAL",
            "where that is too much, use the capture 'triggers'",
        )
    root = relations[0]
    if root.kind == "p" and set(table.columns) - set(root.identifying):
        yield _of(
            table,
            "warning",
            "a partition that is made meanwhile needs REPLICA IDENTITY FULL at once: without a primary key its UPDATE "
            "and DELETE fail, with one the capture stops",
        )


def _all(level: Any, message: str, hint: str | None = None) -> CaptureFinding:
    return CaptureFinding(level=level, message=message, hint=hint)


def _of(table: CapturedTable, level: Any, message: str, hint: str | None = None) -> CaptureFinding:
    return CaptureFinding(level=level, table=table.label, message=message, hint=hint)
