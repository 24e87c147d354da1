"""What finds the rows of a part on the target, where only their driving key is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.sql.grammar import walk
from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.compiling.conditions import find_scope

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Column, Part, Table

__all__ = ["Outputs", "apart", "identity", "outputs_of"]

#: Casts after which different values are still different ones.
_ONE_TO_ONE: Final = {
    "smallint": {"integer", "bigint", "numeric", "text", "character varying"},
    "integer": {"bigint", "numeric", "text", "character varying"},
    "bigint": {"numeric", "text", "character varying"},
    "uuid": {"text", "character varying"},
    "text": {"character varying"},
    "character varying": {"text"},
    "date": {"timestamp without time zone"},
}


class Output(msgspec.Struct, frozen=True):
    """A column of the target over the driving key alone. ``key``: the key's column that it is, each value another one.

    ``constant``: it is one, and the same in all rows.
    """

    sql: str
    key: str | None = None
    constant: bool = False


Outputs = Mapping[str, Output]


def outputs_of(part: Part, source: Table, target: Table) -> Outputs:
    """Those columns of the target that depend on nothing but the driving key; none where the query is not readable."""
    if part.whole is not None or not part.key:
        return {}
    tree = trees.select(part.query)
    scope, item = find_scope(tree, part.alias)
    nodes = [each.res_target.val for each in tree.target_list]
    if scope is not tree or len(nodes) != len(part.columns):
        return {}  # a star, or a query with casts around it: what goes where is the server's to say
    alias = item.range_var.alias.aliasname or item.range_var.relname
    found = {}
    for name, node in zip(part.columns, nodes, strict=True):
        column = target.column(name)
        if column is not None and (output := _output(node, alias, part.key, source, column)) is not None:
            found[name] = output
    return found


def _output(node: Any, alias: str, key: Sequence[str], source: Table, column: Column) -> Output | None:
    bare = trees.copied(node)
    refs, calls = [], False
    for each in walk(bare):
        kind = each.DESCRIPTOR.name
        if kind in ("SubLink", "SelectStmt", "AStar"):
            return None
        calls |= kind == "FuncCall"
        if kind == "ColumnRef":
            refs.append(each)
    for ref in refs:
        names = trees.fields_of(ref)
        if names not in {(alias, name) for name in key} | {(name,) for name in key}:
            return None
        ref.CopyFrom(trees.column(names[-1]).column_ref)
    sql = _sql(bare)
    if not refs:
        literal = bare.type_cast.arg if bare.WhichOneof("node") == "type_cast" else bare
        if literal.WhichOneof("node") != "a_const" or literal.a_const.isnull:
            return None
        return Output(sql, constant=True)
    inner = bare.type_cast.arg if bare.WhichOneof("node") == "type_cast" else bare
    if inner.WhichOneof("node") != "column_ref":
        return Output(sql)
    name = trees.fields_of(inner.column_ref)[-1]
    old = source.column(name)
    return Output(sql, key=name if old is not None and _one_to_one(old, column, cast=inner is not bare) else None)


def _one_to_one(old: Column, new: Column, *, cast: bool) -> bool:
    """``cast``: with a CAST, which cuts a text to the length that it names; an assignment refuses it."""
    if old.type == new.type or old.kind == "e":
        return True
    if cast and new.max_length is not None:
        return False
    if old.base == new.base:
        return old.max_length is not None or new.max_length is not None
    fits = new.base in _ONE_TO_ONE.get(old.base, ())
    return fits and (new.type == new.base or new.max_length is not None)


def _sql(node: Any) -> str:
    alone = trees.select("SELECT 1")
    trees.set_outputs(alone, [node])
    return trees.text(alone).removeprefix("SELECT ")


def identity(part: Part, outputs: Outputs, target: Table) -> tuple[tuple[str, str], ...]:
    """A key of the target that the driving key gives, else all of the driving key; () where neither is there."""
    for key in target.keys:
        if all(name in outputs for name in key.columns):
            return tuple((name, outputs[name].sql) for name in key.columns)
    by_key: dict[str, str] = {}
    for name, output in outputs.items():
        if output.key is not None:
            by_key.setdefault(output.key, name)
    if set(by_key) != set(part.key):
        return ()
    return tuple((by_key[name], outputs[by_key[name]].sql) for name in part.key)


def apart(outputs: Outputs, others: Sequence[Outputs], target: Table) -> tuple[tuple[str, str], ...]:
    """A column that is one constant in this part, and another one in each of the others."""
    for name, output in outputs.items():
        column = target.column(name)
        if column is None or not output.constant or not _tells(output.sql, column):
            continue
        rest = [other.get(name) for other in others]
        if all(each is not None and each.constant and _tells(each.sql, column) for each in rest) and all(
            each is not None and _value(each.sql) != _value(output.sql) for each in rest
        ):
            return ((name, output.sql),)
    return ()


def _value(sql: str) -> Any:
    node = trees.expression(sql)
    literal = node.type_cast.arg if node.WhichOneof("node") == "type_cast" else node
    constant = literal.a_const
    kind = constant.WhichOneof("val")
    return {"ival": lambda: constant.ival.ival, "boolval": lambda: constant.boolval.boolval}.get(
        kind, lambda: constant.sval.sval
    )()


def _tells(sql: str, column: Column) -> bool:
    """Whether two constants that are written in different ways are different values of that type."""
    node = trees.expression(sql)
    literal = node.type_cast.arg if node.WhichOneof("node") == "type_cast" else node
    kind = literal.a_const.WhichOneof("val")
    if kind == "sval":
        return column.kind == "e" or column.base in ("text", "character varying")
    return kind in ("ival", "boolval") and column.category in ("N", "B")
