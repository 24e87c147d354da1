"""Columns whose values are other ones each time: they cannot be compared."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from confiture.sql.grammar import enum_names, parse, unwrap, walk

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Part

__all__ = ["RowsDependError", "volatile_columns"]


class RowsDependError(Exception):
    """Which rows there are depends on what is another one each time, or nobody can tell which columns do."""


def volatile_columns(part: Part) -> frozenset[str]:
    """Columns of the target that hold what ``part.volatile`` gave. Raises :class:`RowsDependError`."""
    if not part.volatile:
        return frozenset()
    places = _places(parse(part.query).stmts[0].stmt.select_stmt, frozenset(part.volatile))
    if not places or max(places) >= len(part.columns):
        raise RowsDependError
    return frozenset(part.columns[place] for place in places)


def _places(select: Any, names: Collection[str]) -> frozenset[int]:
    """Which outputs, by number. Whatever else calls one of ``names`` may decide about rows."""
    if select.HasField("larg") or select.values_lists:
        if _calls(select, names):
            raise RowsDependError
        return frozenset()
    outputs = [unwrap(output) for output in select.target_list]
    within, carried = _inner(select, names)
    found = {n for n, output in enumerate(outputs) if _calls(output, names) or _reads(output, carried)}
    accounted = sum(_calls(output, names) for output in outputs) + (0 if within is None else _calls(within, names))
    if _calls(select, names) != accounted:
        raise RowsDependError
    clauses = [select.where_clause, select.having_clause, *select.group_clause, *select.sort_clause]
    if any(_reads(unwrap(clause), carried) for clause in clauses if clause.WhichOneof("node")):
        raise RowsDependError
    if found and (select.distinct_clause or select.group_clause or select.HasField("limit_count")):
        raise RowsDependError
    return frozenset(found)


def _inner(select: Any, names: Collection[str]) -> tuple[Any, frozenset[str]]:
    """The query that is all of FROM, and which of its columns, as the outer one calls them, are of ``names``."""
    if len(select.from_clause) != 1 or not select.from_clause[0].HasField("range_subselect"):
        return None, frozenset()
    range_ = select.from_clause[0].range_subselect
    subquery = range_.subquery.select_stmt
    columns = [each.string.sval for each in range_.alias.colnames]
    columns += [_name(output.res_target) for output in subquery.target_list[len(columns) :]]
    carried = {columns[place] for place in _places(subquery, names)}
    if "" in carried:
        raise RowsDependError
    return subquery, frozenset(carried)


def _name(target: Any) -> str:
    """What an output is called, "" where that takes more than a look."""
    if target.name:
        return str(target.name)
    fields = target.val.column_ref.fields
    return str(fields[-1].string.sval) if len(fields) else ""


def _reads(tree: Any, columns: Collection[str]) -> bool:
    if not columns:
        return False
    read = (node.fields[-1] for node in walk(tree) if node.DESCRIPTOR.name == "ColumnRef")
    return any(field.HasField("a_star") or field.string.sval in columns for field in read)


def _calls(tree: Any, names: Collection[str]) -> int:
    return sum(_spelled(node) in names for node in walk(tree))


def _spelled(node: Any) -> str:
    """As in ``Part.volatile``."""
    kind = node.DESCRIPTOR.name
    if kind == "FuncCall":
        return f"{node.funcname[-1].string.sval}()"
    if kind == "SQLValueFunction":
        name: str = enum_names("SQLValueFunctionOp")[node.op].removeprefix("SVFOP_").lower()
        return name.removesuffix("_n")
    if kind == "TypeCast" and node.arg.HasField("a_const"):
        return f"'{node.arg.a_const.sval.sval.strip().lower()}'"
    return ""
