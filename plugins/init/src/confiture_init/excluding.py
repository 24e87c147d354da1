"""What is no part of a schema that people write: confiture's own history, and those of other tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from confiture.migrations.foreign import HISTORY_TABLES
from confiture.model import ObjectKey, Schema, SchemaObject

if TYPE_CHECKING:
    from confiture.migrations.tracking import Tracking

__all__ = ["Kept", "without_histories"]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The schema without histories, and the tables of other tools that were left out, with whose they are."""

    schema: Schema
    left_out: tuple[tuple[str, str], ...] = ()


def without_histories(schema: Schema, tracking: Tracking) -> Kept:
    """Leave out the histories, their parts, and a schema that holds nothing else. What others need stays."""
    own: set[ObjectKey] = set()
    foreign: dict[ObjectKey, str] = {}
    for each in schema.objects:
        if each.kind == "table" and (each.schema, each.name) == (tracking.schema, tracking.table):
            own.add(each.key)
        elif each.kind == "table" and each.name in HISTORY_TABLES and not _needed(each, schema):
            foreign[each.key] = HISTORY_TABLES[each.name]
    gone = _with_parts(own | set(foreign), schema)
    alone = [
        each.key
        for each in schema.objects
        if each.kind == "schema" and each.name == tracking.schema and own and _is_empty(each, schema, gone)
    ]
    gone |= set(alone)
    if not gone:
        return Kept(schema=schema)
    kept = Schema.of([each for each in schema.objects if each.key not in gone], schema.server_version, schema.role)
    return Kept(schema=kept, left_out=tuple(sorted((key.identity, tool) for key, tool in foreign.items())))


def _with_parts(keys: Iterable[ObjectKey], schema: Schema) -> set[ObjectKey]:
    """These and whatever goes away with them: columns, indexes, the sequences of their columns."""
    gone = set(keys)
    before = -1
    while len(gone) != before:
        before = len(gone)
        identities = {key.identity for key in gone if key.kind == "column"}
        gone |= {
            each.key
            for each in schema.objects
            if each.parent in gone or (each.kind == "sequence" and each.properties.get("owned_by") in identities)
        }
    return gone


def _needed(table: SchemaObject, schema: Schema) -> bool:
    """Whether something that stays would miss it: a view of it, a foreign key to it."""
    parts = _with_parts({table.key}, schema)
    return any(
        each.key not in parts and any(need in parts for need in each.needs)
        for each in schema.objects
        if each.kind not in ("publication", "default privileges")
    )


def _is_empty(holder: SchemaObject, schema: Schema, gone: set[ObjectKey]) -> bool:
    return not any(
        each.schema == holder.name and each.key not in gone and each.kind != "schema" for each in schema.objects
    )
