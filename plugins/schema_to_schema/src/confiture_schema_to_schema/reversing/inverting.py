"""One column of the new table: whether the old value can be told from it, and by which SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.quoting import quote_ident
from confiture.sql.grammar import enum_names, string_values, walk
from confiture_schema_to_schema.compiling import trees

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Column, Table

__all__ = ["Constant", "Inverse", "Opaque", "Output", "invert", "typmods"]

_NAMES: Final = {
    "smallint": "int2", "integer": "int4", "bigint": "int8", "real": "float4", "double precision": "float8",
    "boolean": "bool", "character varying": "varchar", "character": "bpchar",
    "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
    "time without time zone": "time", "time with time zone": "timetz",
}  # fmt: skip
#: Casts that lose nothing: each value of the first is another one of the second.
_WIDENING: Final = frozenset(
    {("int2", "int4"), ("int2", "int8"), ("int4", "int8"), ("float4", "float8"), ("date", "timestamp")}
    | {("int2", "numeric"), ("int4", "numeric"), ("int8", "numeric")}
    | {(one, other) for one in ("text", "varchar") for other in ("text", "varchar")}
)
#: Their text says all of the value.
_TELLING: Final = frozenset({"int2", "int4", "int8", "uuid", "bool", "date", "numeric", "inet", "cidr", "macaddr"})
_INTEGERS: Final = frozenset({"int2", "int4", "int8"})
#: Types whose modifier rounds a value, where others refuse it; and how many digits there are without one.
_ROUNDED: Final = {"numeric": None, "timestamp": 6, "timestamptz": 6, "time": 6, "timetz": 6, "interval": 6}


class Inverse(msgspec.Struct, frozen=True, kw_only=True):
    """The new column is ``factor * old + offset``, or the old one as it is. ``zone``: read in UTC, or out of it.

    ``cast``: the old type as SQL, where the value has to be made one. ``same``: not even the type differs.
    """

    old: str
    new: str
    factor: int = 1
    offset: int = 0
    zone: bool = False
    cast: str | None = None
    same: bool = False

    def sql(self, alias: str) -> str:
        """The old value. ``alias`` is SQL, as in :attr:`condition`."""
        value = f"{alias}.{quote_ident(self.new)}"
        if self.zone:
            return f"({value} AT TIME ZONE 'UTC')"
        if self.offset:
            value = f"({value} - ({self.offset}))"
        if self.factor != 1:
            value = f"({value} / ({self.factor}))"
        return f"CAST({value} AS {self.cast})" if self.cast else value

    def condition(self, alias: str) -> str | None:
        """Which rows have an old value at all; None for all of them."""
        if abs(self.factor) == 1:
            return None
        return f"({alias}.{quote_ident(self.new)} - ({self.offset})) % ({abs(self.factor)}) = 0"


class Constant(msgspec.Struct, frozen=True, kw_only=True):
    """The same in each row. ``sql`` is the literal alone, None for NULL."""

    sql: str | None


class Opaque(msgspec.Struct, frozen=True, kw_only=True):
    """Something else. ``why`` completes "it is ...". ``refs``: old columns that it is made of, None where it is made of
    more than the row."""  # noqa: D205, D209

    why: str
    refs: frozenset[str] | None


Output = Inverse | Constant | Opaque


def invert(node: Any, alias: str, source: Table, column: Column) -> Output:
    """``node`` is what the driving table ``source``, known as ``alias`` (a bare name), gives to ``column``."""
    literal, _ = _uncast(node)
    if literal.WhichOneof("node") == "a_const":
        return Constant(sql=None if literal.a_const.isnull else _sql(literal))
    refs = _refs(node, alias, source)
    if refs is None or len(refs) != 1:
        return Opaque(why="computed", refs=refs)
    (name,) = refs
    old = source.column(name)
    assert old is not None
    return _zoned(node, old, column) or _plain(node, old, column) or _linear(node, old, column) or _opaque(node, old)


def _opaque(node: Any, old: Column) -> Opaque:
    inner, _ = _uncast(node)
    cast = inner.WhichOneof("node") == "column_ref"
    return Opaque(why=f"cast from {old.base}" if cast else "computed", refs=frozenset({old.name}))


def _refs(node: Any, alias: str, source: Table) -> frozenset[str] | None:
    """Columns of the driving table; None where there is something else."""
    found = set()
    for each in walk(node):
        kind = each.DESCRIPTOR.name
        if kind in ("SubLink", "SelectStmt", "AStar"):
            return None
        if kind == "ColumnRef":
            names = trees.fields_of(each)
            if names[:-1] not in ((), (alias,)) or source.column(names[-1]) is None:
                return None
            found.add(names[-1])
    return frozenset(found)


def _uncast(node: Any) -> tuple[Any, list[tuple[str, bool]]]:
    """What is within casts, and their types from the inside, each with whether it has a modifier."""
    casts: list[tuple[str, bool]] = []
    while node.WhichOneof("node") == "type_cast":
        type_name = node.type_cast.type_name
        name = string_values(type_name.names)[-1] + ("[]" if type_name.array_bounds else "")
        casts.insert(0, (name, bool(type_name.typmods)))
        node = node.type_cast.arg
    return node, casts


def _sql(node: Any) -> str:
    alone = trees.select("SELECT 1")
    trees.set_outputs(alone, [node])
    return trees.text(alone).removeprefix("SELECT ")


# -- as it is, or cast -----------------------------------------------------------------------------------------------


def _plain(node: Any, old: Column, new: Column) -> Inverse | None:
    inner, casts = _uncast(node)
    if inner.WhichOneof("node") != "column_ref" or not _keeps(old, casts) or _rounds(old, new):
        return None
    cast = _base(old) if casts and _base(new) != _base(old) else None
    return Inverse(old=old.name, new=new.name, cast=cast, same=old.type == new.type and not casts)


def _keeps(old: Column, casts: Iterable[tuple[str, bool]]) -> bool:
    name = _name(old)
    for to, modified in casts:
        enum = old.kind == "e" and name == _name(old)
        if modified or not (
            to == name or (name, to) in _WIDENING or (to in ("text", "varchar") and (name in _TELLING or enum))
        ):
            return False
        name = to
    return True


def _name(column: Column) -> str:
    return _NAMES.get(column.base, column.base.rpartition(".")[2])


def _base(column: Column) -> str | None:
    """Its type where every server has it; of others the text is read anew by the column."""
    return column.base if "." not in column.base and column.kind != "d" else None


def typmods(type_: str) -> tuple[int, ...]:
    """The modifier of a type in SQL."""
    name = trees.cast(trees.expression("NULL"), type_).type_cast.type_name
    return tuple(each.a_const.ival.ival for each in name.typmods if each.WhichOneof("node") == "a_const")


def _rounds(old: Column, new: Column) -> bool:
    """Whether the new column has fewer digits after the point."""
    name = _name(new)
    if name not in _ROUNDED or new.type == old.type or new.type == new.base:
        return False
    digits = typmods(new.type)
    kept = digits[-1] if digits and (name != "numeric" or len(digits) > 1) else 0
    if _name(old) != name:  # integers, into numeric
        return kept < 0
    before = typmods(old.type)
    had = _ROUNDED[name] if not before else before[-1] if name != "numeric" or len(before) > 1 else 0
    return had is None or kept < had


# -- UTC -------------------------------------------------------------------------------------------------------------


def _zoned(node: Any, old: Column, new: Column) -> Inverse | None:
    """``old AT TIME ZONE 'UTC'``: from a timestamp to a moment, or the other way."""
    inner, casts = _uncast(node)
    call = inner.func_call if inner.WhichOneof("node") == "func_call" else None
    if call is None or casts or string_values(call.funcname)[-1] != "timezone" or len(call.args) != 2:
        return None
    zone, value = call.args
    names = {_name(old), _name(new)}
    utc = zone.WhichOneof("node") == "a_const" and zone.a_const.sval.sval == "UTC"
    if not utc or value.WhichOneof("node") != "column_ref" or names != {"timestamp", "timestamptz"}:
        return None
    return Inverse(old=old.name, new=new.name, zone=True)


# -- arithmetic ------------------------------------------------------------------------------------------------------


def _linear(node: Any, old: Column, new: Column) -> Inverse | None:
    if _name(old) not in _INTEGERS or _name(new) not in _INTEGERS:
        return None
    found = _terms(node)
    if found is None or found[0] == 0:
        return None
    return Inverse(old=old.name, new=new.name, factor=found[0], offset=found[1], cast=_base(old))


def _terms(node: Any) -> tuple[int, int] | None:
    """The factor and the offset of an expression over one column."""
    inner, casts = _uncast(node)
    if any(name not in _INTEGERS for name, _ in casts):
        return None
    kind = inner.WhichOneof("node")
    if kind == "column_ref":
        return 1, 0
    if kind == "a_const" and inner.a_const.WhichOneof("val") == "ival":
        return 0, inner.a_const.ival.ival
    if kind == "a_const" and inner.a_const.WhichOneof("val") == "fval" and inner.a_const.fval.fval.isdigit():
        return 0, int(inner.a_const.fval.fval)
    if kind != "a_expr" or enum_names("A_Expr_Kind")[inner.a_expr.kind] != "AEXPR_OP":
        return None
    if not inner.a_expr.HasField("lexpr"):
        return None
    one, other = _terms(inner.a_expr.lexpr), _terms(inner.a_expr.rexpr)
    if one is None or other is None:
        return None
    operator = string_values(inner.a_expr.name)[-1]
    if operator == "+":
        return one[0] + other[0], one[1] + other[1]
    if operator == "-":
        return one[0] - other[0], one[1] - other[1]
    if operator == "*" and 0 in (one[0], other[0]):
        return one[0] * other[1] + other[0] * one[1], one[1] * other[1]
    return None
