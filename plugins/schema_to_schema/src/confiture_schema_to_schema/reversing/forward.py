"""A part of the way there, as the way back has to know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.masking.rules import split_name
from confiture.sql.grammar import enum_names, walk
from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.compiling.conditions import find_scope
from confiture_schema_to_schema.compiling.naming import find_column
from confiture_schema_to_schema.reversing.inverting import Constant, Inverse, Output, invert

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Part, Table

__all__ = ["Forward", "Given", "read_forward"]

_AND = "AND_EXPR"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """An old column by the map's own ``reverse``: ``node`` is the expression, over ``mentions`` of the new table."""

    old: str
    node: Any
    mentions: frozenset[str]

    def sql(self, alias: str, table: Table) -> str:
        """The old value; ``alias`` is SQL for the new row."""
        node = trees.copied(self.node)
        (name,) = split_name(alias)
        for each in walk(node):
            if each.DESCRIPTOR.name == "ColumnRef":
                names = trees.fields_of(each)
                if names and table.column(names[-1]) is not None and names[:-1] in ((), (table.name,)):
                    each.CopyFrom(trees.column(name, names[-1]).column_ref)
        alone = trees.select("SELECT 1")
        trees.set_outputs(alone, [node])
        return f"({trees.text(alone).removeprefix('SELECT ')})"


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """A part. ``outputs``: by the new table's column. ``given``: by the old one's, what the map itself says.

    ``filter``: its condition over the old row, which goes by ``t``; None where there is none. ``equals``: old columns
    that the filter says are a constant. ``why``: why nothing leads back through it, whatever its columns are.
    """

    part: Part
    source: Table
    target: Table
    outputs: Mapping[str, Output] = {}
    given: Mapping[str, Given] = {}
    filter: str | None = None
    equals: Mapping[str, str] = {}
    why: str | None = None

    def inverse(self, old: str) -> Inverse | None:
        """The new column from which that old one is told; one that is the same, where there are several."""
        found = [each for each in self.outputs.values() if isinstance(each, Inverse) and each.old == old]
        found.sort(key=lambda each: (not each.same, abs(each.factor) != 1, each.cast is not None))
        return found[0] if found else None

    def constants(self) -> Mapping[str, str]:
        """New columns that have one value in all rows, which is not NULL."""
        return {
            name: each.sql for name, each in self.outputs.items() if isinstance(each, Constant) and each.sql is not None
        }


def read_forward(part: Part, source: Table, target: Table) -> Forward:
    """Take the part's query apart."""
    found = Forward(part=part, source=source, target=target)
    if part.whole is not None:
        return msgspec.structs.replace(found, why=f"the query as a whole: {part.whole}")
    tree = trees.select(part.query)
    scope, _ = find_scope(tree, part.alias)
    (alias,) = split_name(part.alias)
    nodes = [each.res_target.val for each in tree.target_list]
    if scope is not tree or len(nodes) != len(part.columns):
        return msgspec.structs.replace(found, why="custom_sql: what it gives to each column is not written in it")
    outputs = {}
    for name, node in zip(part.columns, nodes, strict=True):
        if (column := target.column(name)) is not None:
            outputs[name] = invert(node, alias, source, column)
    found = msgspec.structs.replace(found, outputs=outputs, given=_given(part, source, target))
    if _leaves_out(scope):
        tables = ", ".join(part.lookups) or "a table"
        return msgspec.structs.replace(found, why=f"rows that the join with {tables} leaves out are left behind")
    return _filtered(found, scope, alias)


def _given(part: Part, source: Table, target: Table) -> dict[str, Given]:
    found = {}
    for written, column_map in (part.map.columns if part.map is not None else {}).items():
        column = find_column(source, written)
        if column_map is None or column_map.reverse is None or column is None:
            continue
        node = trees.expression(column_map.reverse)
        names = (trees.fields_of(each)[-1:] for each in walk(node) if each.DESCRIPTOR.name == "ColumnRef")
        mentions = frozenset(name for each in names for name in each if target.column(name) is not None)
        found[column.name] = Given(old=column.name, node=node, mentions=mentions)
    return found


def _leaves_out(scope: Any) -> bool:
    """Whether a join lets rows of the driving table go: one that is not a LEFT JOIN."""
    if len(scope.from_clause) != 1:
        return True
    node = scope.from_clause[0]
    while node.WhichOneof("node") == "join_expr":
        if enum_names("JoinType")[node.join_expr.jointype] != "JOIN_LEFT":
            return True
        node = node.join_expr.larg
    return bool(node.WhichOneof("node") != "range_var")


# -- the filter ------------------------------------------------------------------------------------------------------


def _filtered(found: Forward, scope: Any, alias: str) -> Forward:
    if not scope.HasField("where_clause"):
        return found
    condition = trees.copied(scope.where_clause)
    for each in walk(condition):
        kind = each.DESCRIPTOR.name
        names = trees.fields_of(each) if kind == "ColumnRef" else ()
        own = kind != "ColumnRef" or (names[:-1] in ((), (alias,)) and found.source.column(names[-1]) is not None)
        if kind in ("SubLink", "SelectStmt") or not own:
            return msgspec.structs.replace(found, why="filter: it reads more than the row, so that nobody can tell "
                                           "which rows were left out")  # fmt: skip
        if names:
            each.CopyFrom(trees.column("t", names[-1]).column_ref)
    alone = trees.select("SELECT 1")
    trees.set_outputs(alone, [condition])
    text = trees.text(alone).removeprefix("SELECT ")
    return msgspec.structs.replace(found, filter=text, equals=dict(_equals(condition)))


def _equals(condition: Any) -> Any:
    """``column = constant``, of conditions that are joined by AND."""
    kind = condition.WhichOneof("node")
    if kind == "bool_expr" and enum_names("BoolExprType")[condition.bool_expr.boolop] == _AND:
        for each in condition.bool_expr.args:
            yield from _equals(each)
    test = condition.null_test
    is_null = kind == "null_test" and enum_names("NullTestType")[test.nulltesttype] == "IS_NULL"
    if is_null and test.arg.WhichOneof("node") == "column_ref":
        yield trees.fields_of(test.arg.column_ref)[-1], "NULL"
    if kind != "a_expr" or enum_names("A_Expr_Kind")[condition.a_expr.kind] != "AEXPR_OP":
        return
    if [each.string.sval for each in condition.a_expr.name] != ["="]:
        return
    for one, other in (
        (condition.a_expr.lexpr, condition.a_expr.rexpr),
        (condition.a_expr.rexpr, condition.a_expr.lexpr),
    ):
        while other.WhichOneof("node") == "type_cast":
            other = other.type_cast.arg
        constant = other.WhichOneof("node") == "a_const" and not other.a_const.isnull
        if constant and one.WhichOneof("node") == "column_ref":
            alone = trees.select("SELECT 1")
            trees.set_outputs(alone, [other])
            yield trees.fields_of(one.column_ref)[-1], trees.text(alone).removeprefix("SELECT ")
