"""RENAME and SET SCHEMA: no row is touched, and every client that uses the old name fails."""

from __future__ import annotations

from typing import Any

from confiture.sql.effects.found import Found
from confiture.sql.effects.locks import ACCESS_EXCLUSIVE, SHARE_UPDATE
from confiture.sql.grammar import enum_names, string_values, unwrap

__all__ = ["move", "rename"]

_RELATIONS = frozenset({"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_SEQUENCE"})
#: Parts of a table whose names applications do not use.
_INNER = frozenset({"OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"})
_CALLED = frozenset(
    {"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE", "OBJECT_TYPE", "OBJECT_DOMAIN",
     "OBJECT_ATTRIBUTE", "OBJECT_ROLE", "OBJECT_DATABASE"}
)  # fmt: skip


def rename(found: Found, node: Any) -> None:
    """ALTER ... RENAME. An index takes SHARE UPDATE EXCLUSIVE, all else ACCESS EXCLUSIVE (sql-alterindex)."""
    kind = enum_names("ObjectType")[node.rename_type]
    table = found.known.named(node.relation) if node.HasField("relation") else None
    if table is not None and (kind == "OBJECT_INDEX" or table.kind == "index"):
        found.lock(table, SHARE_UPDATE)
    elif table is not None and kind in _RELATIONS:
        found.lock(table, ACCESS_EXCLUSIVE)
        found.breaks(table, f'"{table.identity}" becomes "{node.newname}"')
    elif table is not None and kind == "OBJECT_COLUMN":
        found.lock(table, ACCESS_EXCLUSIVE, below=node.relation.inh)
        column = table.columns.get(node.subname)
        if column is None or not column.created:
            found.breaks(table, f'the column "{node.subname}" of "{table.identity}" becomes "{node.newname}"')
    elif table is not None and kind in _INNER:
        below = kind == "OBJECT_TABCONSTRAINT" or (kind == "OBJECT_TRIGGER" and bool(table.partition_key))
        found.lock(table, ACCESS_EXCLUSIVE, below=below)
    elif kind == "OBJECT_SCHEMA":
        if not found.known.complete or any(
            one.schema == node.subname and not one.created for one in found.known.relations.values()
        ):
            found.breaks(None, f'the schema "{node.subname}" becomes "{node.newname}"')
    elif kind in _CALLED:
        word = kind.removeprefix("OBJECT_").lower()
        name = _name(node)
        if kind not in ("OBJECT_TYPE", "OBJECT_DOMAIN") or not (
            found.known.made("", name) or found.known.coming.type_is_made(_schema(node), name)
        ):
            found.breaks(None, f'the {word} "{name}" becomes "{node.newname}"')


def _schema(node: Any) -> str:
    parts = string_values(unwrap(node.object).items)
    return parts[-2] if len(parts) > 1 else ""


def _name(node: Any) -> str:
    target: Any = unwrap(node.object)
    name = type(target).__name__
    if name == "List":
        return string_values(target.items)[-1]
    if name == "ObjectWithArgs":
        return string_values(target.objname)[-1]
    return str(node.subname)


def move(found: Found, node: Any) -> None:
    """ALTER ... SET SCHEMA."""
    kind = enum_names("ObjectType")[node.object_type]
    if node.HasField("relation"):
        table = found.known.named(node.relation)
        found.lock(table, ACCESS_EXCLUSIVE)
        for sequence in found.known.owned(table):
            found.lock(sequence, ACCESS_EXCLUSIVE)
        found.breaks(table, f'"{table.identity}" moves to the schema "{node.newschema}"')
    elif kind in _CALLED or kind == "OBJECT_EXTENSION":
        word = kind.removeprefix("OBJECT_").lower()
        found.breaks(None, f'the {word} moves to the schema "{node.newschema}"')
