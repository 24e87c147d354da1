"""Which columns of a part are columns of its driving table, as its query says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Part

__all__ = ["Traced", "trace"]


class Traced(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the driving table. ``cast``: it is made another type, or another collation's, on the way."""

    column: str
    cast: bool = False


def trace(part: Part) -> Mapping[str, Traced]:
    """By the new column's name; those that are anything else than a column are not in it."""
    from confiture.sql.grammar import parse

    statements = parse(part.query).stmts
    if len(statements) != 1 or not statements[0].stmt.HasField("select_stmt"):
        return {}
    select = statements[0].stmt.select_stmt
    if len(select.target_list) != len(part.columns):
        return {}  # a set operation, or a star
    alone = len(select.from_clause) == 1 and select.from_clause[0].HasField("range_var")
    found = {}
    for name, target in zip(part.columns, select.target_list, strict=True):
        traced = _column(target.res_target.val, _bare(part.alias), alone=alone)
        if traced is not None:
            found[name] = traced
    return found


def _column(node: Any, alias: str, *, alone: bool) -> Traced | None:
    cast = False
    while node.HasField("type_cast") or node.HasField("collate_clause"):
        node, cast = node.type_cast.arg if node.HasField("type_cast") else node.collate_clause.arg, True
    if not node.HasField("column_ref"):
        return None
    names = [field.string.sval for field in node.column_ref.fields if field.HasField("string")]
    if len(names) != len(node.column_ref.fields):
        return None
    if (len(names) == 2 and names[0] == alias) or (len(names) == 1 and alone):
        return Traced(column=names[-1], cast=cast)
    return None


def _bare(identifier: str) -> str:
    """An identifier as the catalogs have it."""
    if identifier.startswith('"') and identifier.endswith('"') and len(identifier) > 1:
        return identifier[1:-1].replace('""', '"')
    return identifier.lower()
