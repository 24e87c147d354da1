"""What of an installed capture is missing, or of another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import CaptureBroken
from confiture_slot.catalog import read_columns, read_relation_oid, read_relations
from confiture_slot.registry import need_installed, publication_name

if TYPE_CHECKING:
    from confiture.model import CapturedTable
    from confiture.protocols import Connection
    from confiture_slot.catalog import Relation
    from confiture_slot.registry import Registered

__all__ = ["find_fault", "publication_fault", "verify"]

_PUBLICATION = """
SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND NOT pubviaroot AND NOT puballtables
  FROM pg_catalog.pg_publication WHERE pubname = $1
"""
#: prattrs and prqual are there since PostgreSQL 15: asked for as JSON, they may be missing.
_PUBLISHED = """
SELECT row.data ->> 'prqual' AS filter,
       CASE WHEN row.data ->> 'prattrs' IS NOT NULL
            THEN ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                        WHERE a.attrelid = r.prrelid AND pg_catalog.to_jsonb(a.attnum) <@ (row.data -> 'prattrs'))
       END AS list
  FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid,
       LATERAL (SELECT pg_catalog.to_jsonb(r) AS data) AS row
 WHERE p.pubname = $1 AND r.prrelid = $2
"""


async def verify(connection: Connection, name: str, tables: Sequence[CapturedTable]) -> None:
    """Raise ``CaptureBroken`` naming the first table that is not captured as it should be."""
    registry, _ = await need_installed(connection, name)
    fault = await publication_fault(connection, name)
    if fault is not None:
        raise CaptureBroken(f"changes may not have been told: {fault}", hint="install the capture again")
    registered = registry.by_label()
    for table in tables:
        known = registered.get(table.label)
        fault = "it is not captured" if known is None else await find_fault(connection, name, known, table)
        if table.label in registry.untold:
            fault = "installing it was interrupted"
        if fault is not None:
            raise CaptureBroken(
                f"changes of {table.label!r} may not have been told: {fault}",
                hint="install the capture again: the table is then told as emptied, and everything of it read again",
                partitions=isinstance(fault, PartitionFault),
            )


class PartitionFault(str):
    """Some came or went."""

    __slots__ = ()


async def publication_fault(connection: Connection, name: str) -> str | None:
    """What is wrong with the publication as a whole; None where nothing is."""
    called = publication_name(name)
    if not await connection.fetchval(_PUBLICATION, called):
        return f"the publication {called!r} publishes something else than it did"
    return None


async def find_fault(connection: Connection, name: str, known: Registered, table: CapturedTable) -> str | None:
    """What is wrong with the capture of a table, in words; None where nothing is."""
    if known.columns != table.columns:
        return "other columns of it are captured"
    if await read_relation_oid(connection, table.sql) != known.relation:
        return "it is another table than it was"
    relations = await read_relations(connection, known.relation)
    if {relation.oid for relation in relations} != known.relations.keys():
        names = [relation.label for relation in relations if relation.oid not in known.relations]
        return PartitionFault(f"it has the new partition {names[0]!r}" if names else "a partition of it is gone")
    columns = await read_columns(connection, known.relation)
    for column_name, type_ in zip(known.columns, known.types, strict=True):
        column = columns.get(column_name)
        if column is None:
            return f"its column {column_name!r} is gone"
        if column.type != type_:
            return f"its column {column_name!r} is of type {column.type!r} and was of type {type_!r}"
    return identity_fault(relations, known.columns) or await _unpublished(connection, name, known, relations[0])


def identity_fault(relations: Sequence[Relation], columns: Sequence[str]) -> str | None:
    """Whether the WAL says of each row what its captured columns were."""
    for relation in relations:
        if relation.kind == "r" and relation.persistence != "p":
            return f"{relation.label!r} is not logged"
        unknown = relation.unknown(columns)
        if unknown:
            return f"the column {unknown[0]!r} is not in the replica identity of {relation.label!r}"
    return None


async def _unpublished(connection: Connection, name: str, known: Registered, root: Relation) -> str | None:
    called = publication_name(name)
    published = await connection.fetchrow(_PUBLISHED, called, known.relation)
    if published is None:
        return f"it is not in the publication {called!r}"
    if published["filter"] is not None:
        return f"the publication {called!r} leaves rows of it out"
    if published["list"] is not None and not {*known.columns, *root.identifying} <= set(published["list"]):
        return f"the publication {called!r} leaves columns of it out"
    return None
