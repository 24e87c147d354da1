"""What is installed: the publication, whose comment says what of each table was captured when, and the slot.

The comment changes in the transaction that changes the publication, and needs no table of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import CaptureBroken, Refused
from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = [
    "Former",
    "Installed",
    "Registered",
    "Registry",
    "Slot",
    "check_name",
    "need_installed",
    "publication_name",
    "read_installed",
    "slot_name",
    "write_registry",
]

_COMMENT = "changes that confiture captures: "
#: A slot's name has 63 bytes of these; the prefix and the database's number are in it too.
_NAME = re.compile(r"[a-z0-9_]{1,40}")
_PUBLICATION = """
SELECT pg_catalog.obj_description(p.oid, 'pg_publication') AS comment, d.oid::bigint AS database
  FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_publication p ON p.pubname = $1
 WHERE d.datname = pg_catalog.current_database()
"""
_SLOT = """
SELECT database = pg_catalog.current_database() AND plugin = 'pgoutput' AND NOT temporary AS ours, active_pid,
       wal_status = 'lost' OR confirmed_flush_lsn IS NULL OR restart_lsn IS NULL AS lost,
       (confirmed_flush_lsn - '0/0')::bigint AS confirmed
  FROM pg_catalog.pg_replication_slots WHERE slot_name = $1
"""


class Former(msgspec.Struct, frozen=True, kw_only=True):
    """The replica identity that a table had before: pg_class's letter, and its index where it had one."""

    oid: int
    identity: str
    index: str | None = None


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """What was installed for a table: it and its partitions then (by oid), its columns and their types then."""

    label: str
    relation: int
    relations: dict[int, str]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    partitioned: bool
    former: tuple[Former, ...] = ()


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """``forgotten``: relations that are captured no more. ``untold``: tables that have to be told as emptied."""

    tables: tuple[Registered, ...] = ()
    forgotten: tuple[int, ...] = ()
    untold: tuple[str, ...] = ()

    def by_label(self) -> dict[str, Registered]:
        """The captured tables."""
        return {known.label: known for known in self.tables}

    def put(self, known: Registered) -> Registry:
        """With this table, instead of what was known of it before."""
        others = tuple(each for each in self.tables if each.label != known.label)
        kept = tuple(oid for oid in self.forgotten if oid not in known.relations)
        return msgspec.structs.replace(self, tables=(*others, known), forgotten=kept)

    def without(self, known: Registered) -> Registry:
        """Without this table."""
        others = tuple(each for each in self.tables if each.label != known.label)
        forgotten = {*self.forgotten, *known.relations}
        return msgspec.structs.replace(self, tables=others, forgotten=tuple(sorted(forgotten)))


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """``confirmed``: all before this position of the WAL is acknowledged. ``lost``: the server has not kept its WAL."""

    name: str
    lost: bool
    confirmed: int
    active_pid: int | None = None


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """What is there of a capture. ``registry``: None where there is no publication of it."""

    publication: str
    slot_name: str
    registry: Registry | None
    slot: Slot | None


def check_name(name: str) -> None:
    """Raise ``Refused`` where a capture cannot be called that."""
    if not _NAME.fullmatch(name):
        raise Refused(
            f"a capture by a slot cannot be called {name!r}",
            hint="lower-case letters, digits and underscores, 40 characters at most",
        )


def publication_name(name: str) -> str:
    """What the publication of a capture is called."""
    return f"confiture_{name}"


def slot_name(name: str, database: int) -> str:
    """What the slot is called: slots are of the whole server, so that the database's oid is in it."""
    return f"confiture_{name}_{database}"


async def read_installed(connection: Connection, name: str) -> Installed:
    """What is there of the capture. Raises ``Refused`` where something else has its name."""
    check_name(name)
    found = await connection.fetchrow(_PUBLICATION, publication_name(name))
    comment: str = found["comment"] or ""
    registry = None
    if comment.startswith(_COMMENT):
        registry = msgspec.json.decode(comment.removeprefix(_COMMENT), type=Registry)
    called = slot_name(name, found["database"])
    row = await connection.fetchrow(_SLOT, called)
    if row is not None and not row["ours"]:
        raise Refused(f"the replication slot {called!r} is somebody else's", hint="drop it, or let it be renamed")
    slot = None
    if row is not None:
        slot = Slot(name=called, lost=row["lost"], confirmed=row["confirmed"] or 0, active_pid=row["active_pid"])
    return Installed(publication=publication_name(name), slot_name=called, registry=registry, slot=slot)


async def need_installed(connection: Connection, name: str) -> tuple[Registry, Slot]:
    """What is installed. Raises ``CaptureBroken`` where a part of it is missing, or the WAL is."""
    installed = await read_installed(connection, name)
    registry, slot = installed.registry, installed.slot
    if slot is None:
        fault = f"there is no replication slot {installed.slot_name!r}"
    elif registry is None:
        fault = f"there is no publication {installed.publication!r}"
    elif slot.lost:
        fault = f"the server has removed WAL that the replication slot {slot.name!r} needs"
    else:
        return registry, slot
    raise CaptureBroken(
        f"the capture {name!r} has lost changes: {fault}",
        hint="install the capture again: all tables are then told as emptied, and everything of them read again",
    )


async def write_registry(connection: Connection, name: str, registry: Registry) -> None:
    """Keep it in the publication's comment, as a part of the caller's transaction."""
    text = quote_literal(_COMMENT + msgspec.json.encode(registry).decode())
    await connection.execute(f"COMMENT ON PUBLICATION {quote_ident(publication_name(name))} IS {text}")
