"""What a part's query says of its columns and rows, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.masking.rules import split_name
from confiture.sql.grammar import parse, string_values, walk

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Part

__all__ = ["Traced", "TracedPart", "trace"]


class Traced(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the driving table. ``cast``: it is made another type, or another collation's, on the way."""

    column: str
    cast: bool = False


class TracedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part. ``columns``: by the new column's name; what is anything else than a column is not in it.

    ``literals``: new columns that are one value, which is not NULL. ``alone``: it reads the driving table and no other.
    ``single``: moreover each of its rows is there once at most, unless one of ``functions`` (bare names) makes several
    of it. ``complete``: and each of them is there.
    """

    columns: Mapping[str, Traced] = {}
    literals: frozenset[str] = frozenset()
    alone: bool = False
    single: bool = False
    complete: bool = False
    functions: frozenset[str] = frozenset()


def trace(part: Part) -> TracedPart:
    """Nothing where the query is none of the usual form, such as a set operation."""
    statements = parse(part.query).stmts
    if len(statements) != 1 or not statements[0].stmt.HasField("select_stmt"):
        return TracedPart()
    select = statements[0].stmt.select_stmt
    found = _select(select, split_name(part.alias)[-1])
    if found is None or len(found) != len(part.columns):
        return TracedPart()
    scopes = list(_scopes(select))
    alone = all(len(scope.from_clause) == 1 and not scope.HasField("with_clause") for scope in scopes)
    alone = alone and scopes[-1].from_clause[0].WhichOneof("node") == "range_var"
    single = alone and not any(_folds(scope) for scope in scopes)
    functions = {
        string_values(node.funcname)[-1]
        for node in walk(select)
        if node.DESCRIPTOR.name == "FuncCall" and node.funcname
    }
    return TracedPart(
        columns={name: each for name, each in zip(part.columns, found, strict=True) if isinstance(each, Traced)},
        literals=frozenset(name for name, each in zip(part.columns, found, strict=True) if each is True),
        alone=alone,
        single=single,
        complete=single and not any(scope.HasField("where_clause") for scope in scopes),
        functions=frozenset(functions),
    )


def _scopes(select: Any) -> Any:
    """The SELECT, and the one that it wraps, as long as that is all that its FROM has."""
    yield select
    while len(select.from_clause) == 1 and select.from_clause[0].WhichOneof("node") == "range_subselect":
        select = select.from_clause[0].range_subselect.subquery.select_stmt
        yield select


def _folds(select: Any) -> bool:
    """Whether it makes other rows of those that it reads, or leaves some out that no condition does."""
    return bool(
        select.distinct_clause
        or select.group_clause
        or select.HasField("having_clause")
        or select.HasField("limit_count")
        or select.HasField("limit_offset")
    )


def _select(select: Any, alias: str) -> list[Traced | bool] | None:
    """By output: a column, True for a literal, False for anything else. None: not a plain SELECT."""
    if not select.target_list:
        return None
    inner = None
    wrapped = select.from_clause[0] if len(select.from_clause) == 1 else None
    if wrapped is not None and wrapped.WhichOneof("node") == "range_subselect":
        below = wrapped.range_subselect.subquery.select_stmt
        values = _select(below, alias)
        if values is not None:
            names = string_values(wrapped.range_subselect.alias.colnames)
            names += tuple(_output(target.res_target) for target in below.target_list[len(names) :])
            inner = dict(zip(names, values, strict=True))
            alias = wrapped.range_subselect.alias.aliasname
    alone = wrapped is not None and wrapped.WhichOneof("node") in ("range_var", "range_subselect")
    return [_value(target.res_target.val, alias, inner, alone=alone) for target in select.target_list]


def _output(target: Any) -> str:
    if target.name or not target.val.HasField("column_ref"):
        name: str = target.name
        return name
    return string_values(target.val.column_ref.fields)[-1]


def _value(node: Any, alias: str, inner: Mapping[str, Traced | bool] | None, *, alone: bool) -> Traced | bool:
    cast = False
    while (kind := node.WhichOneof("node")) in ("type_cast", "collate_clause"):
        node, cast = getattr(node, kind).arg, True
    if kind == "a_const":
        return not node.a_const.isnull
    if kind != "column_ref":
        return False
    fields = node.column_ref.fields
    names = [field.string.sval for field in fields if field.HasField("string")]
    if len(names) != len(fields) or not ((len(names) == 2 and names[0] == alias) or (len(names) == 1 and alone)):
        return False
    if inner is None:
        return Traced(column=names[-1], cast=cast)
    below = inner.get(names[-1], False)
    return Traced(column=below.column, cast=cast or below.cast) if isinstance(below, Traced) else below
