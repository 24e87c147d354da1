"""From changed rows of the tables that a query joins to the keys of its driving table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from confiture.quoting import quote_ident
from confiture.sql.grammar import enum_names, string_values, walk
from confiture_schema_to_schema.capturing.values import Touch
from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.compiling.conditions import find_scope, from_items
from confiture_schema_to_schema.compiling.naming import find_table

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Catalog, Part, Table

__all__ = ["NotTouchable", "touches_of"]

_HIT: Final = "confiture_hit"


class NotTouchable(Exception):
    """Nobody can tell which rows a change of ``table`` is in; ``why``, for people."""

    def __init__(self, table: str, why: str) -> None:
        super().__init__(why)
        self.table = table
        self.why = why


def touches_of(part: Part, label: str, old: Catalog) -> Iterator[tuple[Touch, tuple[str, ...]]]:
    """Those for the table ``label`` that the part reads beside its driving one, with the columns that they need.

    As the map says (``touch``), else by the joins of the query. Raises :class:`NotTouchable`.
    """
    table = old.tables.get(label)
    if table is None:
        raise NotTouchable(label, f"{label!r} is no table of its own, so that its changes are not told")
    lookups = part.map.lookups.values() if part.map is not None else ()
    written = [each.touch for each in lookups if each.touch is not None and find_table(old, each.table) is table]
    if written:
        for query in written:
            yield Touch(table=label, query=query), _mentioned(trees.select(query), table)
        return
    scope, driving = find_scope(trees.select(part.query), part.alias)
    reads = [node for node in walk(scope) if _is(node, table)]
    items = [item for item in from_items(scope) if item.WhichOneof("node") == "range_var"]
    joined = [item for item in items if _is(item.range_var, table) and item != driving]
    if len(reads) - (1 if _is(driving.range_var, table) else 0) > len(joined):
        raise NotTouchable(label, f"{label!r} is read by a query within the query")
    if len(scope.from_clause) > 1:
        raise NotTouchable(label, f"{label!r} is joined by a comma and not by JOIN")
    for number in range(len(joined)):
        yield _joined(part, table, number)


def _is(node: Any, table: Table) -> bool:
    return node.DESCRIPTOR.name == "RangeVar" and (node.schemaname, node.relname) == (table.schema, table.name)


def _joined(part: Part, table: Table, number: int) -> tuple[Touch, tuple[str, ...]]:
    """The query's joins, with the changed rows in the place of the table, and no join that leaves a row out.

    The filter is left out as well: rows that it lets through no longer have to be found too.
    """
    tree, driving = find_scope(trees.select(part.query), part.alias)
    items = [item for item in from_items(tree) if item.WhichOneof("node") == "range_var"]
    item = [each for each in items if _is(each.range_var, table) and each != driving][number]
    if item.range_var.alias.colnames:
        raise NotTouchable(table.label, f"the columns of {table.label!r} have other names in the query")
    alias = item.range_var.alias.aliasname or item.range_var.relname
    needed: set[str] = set()
    _outer(tree.from_clause[0], driving, table, alias, needed)
    name = quote_ident(alias)
    item.CopyFrom(trees.relation(f"(SELECT changed.*, true AS {_HIT} FROM changed) AS {name}"))
    keys = ", ".join(f"{part.alias}.{quote_ident(column)}" for column in part.key)
    head = trees.select(f"SELECT DISTINCT {keys} WHERE {name}.{_HIT}")
    for field in ("target_list", "distinct_clause", "sort_clause", "where_clause"):
        tree.ClearField(field)
    tree.target_list.extend(head.target_list)
    tree.distinct_clause.extend(head.distinct_clause)
    tree.where_clause.CopyFrom(head.where_clause)
    columns = tuple(column.name for column in table.columns if column.name in needed)
    return Touch(table=table.label, query=trees.text(tree)), columns


def _outer(node: Any, driving: Any, table: Table, alias: str, needed: set[str]) -> bool:
    """Let each row of the driving table stay, and note the columns that the conditions name. Whether it is in here."""
    if node.WhichOneof("node") != "join_expr":
        return bool(node == driving)
    join = node.join_expr
    left = _outer(join.larg, driving, table, alias, needed)
    right = _outer(join.rarg, driving, table, alias, needed)
    kind = enum_names("JoinType")[join.jointype]
    if join.is_natural or (kind == "JOIN_INNER" and not (left or right)):
        raise NotTouchable(table.label, f"{table.label!r} is in a join that cannot be taken apart")
    if kind == "JOIN_INNER":
        wanted = "a LEFT JOIN b ON true" if left else "a RIGHT JOIN b ON true"
        join.jointype = trees.relation(wanted).join_expr.jointype
    needed |= set(string_values(join.using_clause))
    if join.HasField("quals"):
        for each in walk(join.quals):
            names = trees.fields_of(each) if each.DESCRIPTOR.name == "ColumnRef" else ()
            if len(names) == 1 or (len(names) == 2 and names[0] == alias):
                needed.add(names[-1])
    return left or right


def _mentioned(tree: Any, table: Table) -> tuple[str, ...]:
    """Columns of the table that a query may mean: all of them where it has a star."""
    names: set[str] = set()
    for node in walk(tree):
        kind = node.DESCRIPTOR.name
        if kind == "AStar":
            return tuple(column.name for column in table.columns)
        if kind == "ColumnRef":
            names |= set(trees.fields_of(node)[-1:])
        if kind == "JoinExpr":
            names |= set(string_values(node.using_clause))
    return tuple(column.name for column in table.columns if column.name in names)
