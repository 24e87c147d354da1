"""What of an installed capture is missing, disabled or of another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import CaptureBroken
from confiture_triggers.catalog import Column, read_columns, read_relation_oid, read_relations, read_triggers
from confiture_triggers.composing import ROW_TYPE, TRUNCATE_TYPE, function_body
from confiture_triggers.naming import need_home

if TYPE_CHECKING:
    from confiture.model import CapturedTable
    from confiture.protocols import Connection
    from confiture_triggers.naming import Home

__all__ = ["Registered", "find_fault", "read_registered", "verify"]

_REGISTERED = "SELECT number, label, relation, relations, columns, types, triggers FROM "
_FUNCTION = """
SELECT p.prosrc, p.prosecdef FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = $1 AND p.proname = $2
"""
_LOG = "SELECT relpersistence = 'p' FROM pg_catalog.pg_class WHERE oid = $1"


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """What was installed for a table: it and its partitions then, its columns and their types then.

    ``triggers``: for rows, its own and its partitions'. A partition that was detached and is back has another one.
    """

    number: int
    label: str
    relation: int
    relations: frozenset[int]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    triggers: frozenset[int]


async def read_registered(connection: Connection, home: Home) -> dict[str, Registered]:
    """The captured tables by label."""
    return {
        row["label"]: Registered(
            number=row["number"],
            label=row["label"],
            relation=row["relation"],
            relations=frozenset(row["relations"]),
            columns=tuple(row["columns"]),
            types=tuple(row["types"]),
            triggers=frozenset(row["triggers"]),
        )
        for row in await connection.fetch(_REGISTERED + home.tables)
    }


async def verify(connection: Connection, name: str, tables: Sequence[CapturedTable]) -> None:
    """Raise ``CaptureBroken`` naming the first table that is not captured as it should be."""
    home = await need_home(connection, name)
    if not await connection.fetchval(_LOG, home.log_oid):
        raise CaptureBroken(
            f"the log of the capture {name!r} is unlogged: a crash empties it",
            hint=f"ALTER TABLE {home.log} SET LOGGED",
        )
    registered = await read_registered(connection, home)
    for table in tables:
        known = registered.get(table.label)
        fault = "it is not captured" if known is None else await find_fault(connection, home, known, table)
        if fault is not None:
            raise CaptureBroken(
                f"changes of {table.label!r} may not have been told: {fault}",
                hint="install the capture again: the table is then told as emptied, and everything of it read again",
                partitions=isinstance(fault, PartitionFault),
            )


class PartitionFault(str):
    """Some came or went."""

    __slots__ = ()


async def find_fault(connection: Connection, home: Home, known: Registered, table: CapturedTable) -> str | None:
    """What is wrong with the capture of a table, in words; None where nothing is."""
    if known.columns != table.columns:
        return "other columns of it are captured"
    if await read_relation_oid(connection, table.sql) != known.relation:
        return "it is another table than it was"
    relations = await read_relations(connection, known.relation)
    if {relation.oid for relation in relations} != known.relations:
        names = [relation.label for relation in relations if relation.oid not in known.relations]
        return PartitionFault(f"it has the new partition {names[0]!r}" if names else "a partition of it is gone")
    columns = await read_columns(connection, known.relation)
    for name, type_ in zip(known.columns, known.types, strict=True):
        column: Column | None = columns.get(name)
        if column is None:
            return f"its column {name!r} is gone"
        if column.type != type_:
            return f"its column {name!r} is of type {column.type!r} and was of type {type_!r}"
    function = await connection.fetchrow(_FUNCTION, home.schema, home.function_name(known.number))
    if function is None or not function["prosecdef"]:
        return f"the function {home.function(known.number)} is gone"
    if function["prosrc"] != function_body(home, known.number, known.columns):
        return f"the function {home.function(known.number)} is another"
    there = {
        (trigger.relation, trigger.name, trigger.type): trigger
        for trigger in await read_triggers(connection, home.schema, home.function_name(known.number))
        if trigger.whole
    }
    for relation in relations:
        for name, kind in (
            (home.row_trigger(known.number), ROW_TYPE),
            (home.truncate_trigger(known.number), TRUNCATE_TYPE),
        ):
            trigger = there.get((relation.oid, name, kind))
            if trigger is None:
                return f"{relation.label!r} lacks the trigger {name!r}"
            if kind == ROW_TYPE and trigger.oid not in known.triggers:
                return PartitionFault(f"the trigger {name!r} of {relation.label!r} was away, and is another one")
            if not trigger.always:
                return f"the trigger {name!r} of {relation.label!r} does not always fire"
    return None
