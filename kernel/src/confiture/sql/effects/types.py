"""What becomes of a column's values when its type changes: kept as they are, written anew, refused, or made less.

The rules for keeping them are PostgreSQL's: a cast that is binary-coercible (catalog pg_cast), and the length casts
that their support functions know to do nothing (``varchar_support``, ``numeric_support``, ``varbit_support``,
``timestamp_support``, ``interval_support``). Manual: sql-altertable, notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from confiture.sql.effects.known import Known
from confiture.sql.grammar import GrammarError, parse, string_values, unwrap

__all__ = ["Change", "TypeRef", "change_of", "read_type", "type_of", "type_text"]


#: The most common types, as text: the deparser takes fifty times as long.
_PLAIN = {"int2": "smallint", "int4": "integer", "int8": "bigint", "text": "text", "varchar": "character varying",
          "bool": "boolean", "numeric": "numeric", "date": "date", "timestamptz": "timestamp with time zone",
          "uuid": "uuid", "jsonb": "jsonb"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type as the grammar names it: ``name`` is ``int4`` for integer, ``mods`` the numbers in brackets."""

    schema: str
    name: str
    mods: tuple[int, ...] = ()
    array: bool = False


class Change(NamedTuple):
    """``rewrites``: values are written anew. ``fails``: some value may be refused. ``loses``: some may lose a part.

    ``failing`` is the condition of rows that are refused, with ``{}`` for the column; None where it is not known.
    """

    rewrites: bool = False
    fails: bool = False
    loses: bool = False
    failing: str | None = None


_SAME = Change()
_INTEGERS = {"int2": (-(2**15), 2**15 - 1), "int4": (-(2**31), 2**31 - 1), "int8": (-(2**63), 2**63 - 1)}
_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
_REG = tuple(f"reg{what}" for what in ("class", "type", "proc", "procedure", "role", "namespace", "oper", "operator"))
#: From, to: the same bytes (pg_cast.castmethod "b"). Only those that people use.
_COERCIBLE = frozenset(
    {("varchar", "text"), ("text", "varchar"), ("text", "bpchar"), ("varchar", "bpchar"), ("citext", "text"),
     ("citext", "varchar"), ("text", "citext"), ("varchar", "citext"), ("xml", "text"), ("xml", "varchar"),
     ("cidr", "inet"), ("int4", "oid"), ("oid", "int4"), ("varbit", "bit"), ("bit", "varbit")}
    | {("oid", reg) for reg in _REG}
    | {(reg, "oid") for reg in _REG}
)  # fmt: skip
#: What is lost without an error on the way from the first to the second.
_LOSSY = frozenset(
    {("timestamp", "date"), ("timestamptz", "date"), ("timestamp", "time"), ("timestamptz", "time"),
     ("timestamptz", "timetz"), ("timetz", "time"), ("interval", "time"), ("float8", "float4"), ("numeric", "float8"),
     ("numeric", "float4"), ("int8", "float8"), ("int8", "float4"), ("int4", "float4"), ("float8", "numeric"),
     ("inet", "cidr"), ("bpchar", "text"), ("bpchar", "varchar")}
)  # fmt: skip
#: Casts to these that no value can make fail.
_SAFE = frozenset(
    {("date", "timestamp"), ("date", "timestamptz"), ("timestamp", "timestamptz"), ("timestamptz", "timestamp"),
     ("time", "timetz"), ("time", "interval"), ("float4", "float8"), ("jsonb", "json"), ("inet", "cidr"),
     ("timestamp", "date"), ("timestamptz", "date"), ("timestamp", "time"), ("timestamptz", "time"),
     ("interval", "time"), ("timestamptz", "timetz"), ("timetz", "time"), ("int4", "bool"), ("bool", "int4"),
     ("macaddr", "macaddr8"), ("uuid", "bytea"), ("bpchar", "varchar"), ("bpchar", "text")}
)  # fmt: skip
_MAX_PRECISION = 6
_TEMPORAL = frozenset({"time", "timetz", "timestamp", "timestamptz"})


def read_type(node: Any) -> TypeRef:
    """A type from its ``TypeName``."""
    parts = string_values(node.names)
    schema = parts[-2] if len(parts) > 1 and parts[-2] != "pg_catalog" else ""
    mods = []
    for item in node.typmods:
        value = unwrap(item)
        mods.append(value.ival.ival if type(value).__name__ == "A_Const" else -1)
    return TypeRef(schema, parts[-1] if parts else "", tuple(mods), bool(node.array_bounds))


@lru_cache(maxsize=4096)
def type_of(text: str) -> TypeRef | None:
    """A type from its SQL text; None where it is none."""
    try:
        target = parse(f"SELECT NULL::{text}").stmts[0].stmt.select_stmt.target_list[0].res_target
    except (GrammarError, IndexError):
        return None
    return read_type(target.val.type_cast.type_name)


def type_text(node: Any) -> str:
    """The SQL text of a ``TypeName``."""
    found = read_type(node)
    if not found.array and not node.setof and (name := _PLAIN.get(found.name)) and not found.schema:
        if not found.mods:
            return name
        if found.name in ("varchar", "numeric") and min(found.mods) >= 0:
            return f"{name}({', '.join(map(str, found.mods))})"
    from postgast import pg_query_pb2 as pb

    from confiture.sql.effects.expressions import sql_of

    holder = pb.Node()
    holder.type_cast.arg.a_const.isnull = True
    holder.type_cast.type_name.CopyFrom(node)
    text = sql_of(holder)
    return text.removeprefix("NULL::")


def below_domains(found: TypeRef, known: Known) -> tuple[TypeRef, bool]:
    """The type that a domain is over, and whether a domain on the way checks values."""
    checked = False
    for _ in range(16):
        domain = _lookup(known.domains, found)
        if domain is None:
            return found, checked
        inner = type_of(domain[0])
        checked = checked or domain[1]
        if inner is None:
            return found, checked
        found = TypeRef(inner.schema, inner.name, inner.mods, inner.array or found.array)
    return found, checked


def _lookup(values: dict[tuple[str, str], Any], name: TypeRef) -> Any:
    if name.schema:
        return values.get((name.schema, name.name))
    if not values:
        return None
    return next((value for key, value in values.items() if key[1] == name.name), None)


def change_of(old: TypeRef | None, new: TypeRef, known: Known, *, text: str, explicit: bool = False) -> Change:
    """What a change of type does to values. ``text`` is the new type as SQL, ``explicit`` a cast that somebody wrote.

    A written cast to varchar(n) or bit(n) cuts what is too long, where the one that PostgreSQL makes refuses it.
    """
    valid = f"NOT pg_input_is_valid({{}}::text, {_literal(text)})"
    if old is None:
        return Change(rewrites=True, fails=True, failing=valid)
    before, was_checked = below_domains(old, known)
    after, checked = below_domains(new, known)
    found = _values(before, after, known, valid, explicit)
    if checked and (not was_checked or old != new):
        return Change(True, True, found.loses, valid)
    return found


def _values(old: TypeRef, new: TypeRef, known: Known, valid: str, explicit: bool) -> Change:
    if old.array or new.array:
        if (old.schema, old.name, old.mods, old.array) == (new.schema, new.name, new.mods, new.array):
            return _SAME
        if old.array and new.array:
            item = _values(TypeRef(old.schema, old.name, old.mods), TypeRef(new.schema, new.name, new.mods),
                           known, valid, explicit)  # fmt: skip
            return Change(True, item.fails, item.loses, valid if item.fails else None)
        return Change(True, old.array or new.name not in _TEXTS, False, valid)
    if (old.name, bool(old.schema) and old.schema) == (new.name, bool(old.schema) and (new.schema or old.schema)):
        return _length(old, new, valid, explicit)
    pair = (old.name, new.name)
    if pair in _COERCIBLE:
        return _length(TypeRef("", new.name), new, valid, explicit) if new.mods else _SAME
    return _cast(old, new, known, valid, explicit)


def _length(old: TypeRef, new: TypeRef, valid: str, explicit: bool) -> Change:
    """The same type with other numbers in brackets."""
    if old.mods == new.mods:
        return _SAME
    name, was, now = new.name, old.mods, new.mods
    if name in ("varchar", "varbit"):
        if not now or (was and now[0] >= was[0]):
            return _SAME
        return Change(True, not explicit, explicit, None if explicit else valid)
    if name == "bpchar":
        shorter = bool(now) and (not was or now[0] < was[0])
        return Change(True, shorter and not explicit, shorter and explicit, valid if shorter and not explicit else None)
    if name == "bit":
        return Change(True, not explicit, explicit, None if explicit else valid)
    if name == "numeric":
        return _numeric(was, now, valid)
    if name in _TEMPORAL:
        before, after = (mods[0] if mods else _MAX_PRECISION for mods in (was, now))
        return _SAME if after >= before else Change(rewrites=True, loses=True)
    if name == "interval" and (not now or (len(was) == len(now) and was[:-1] == now[:-1] and now[-1] >= was[-1] >= 0)):
        return _SAME
    return Change(rewrites=True, loses=True)


def _numeric(was: tuple[int, ...], now: tuple[int, ...], valid: str) -> Change:
    if not now:
        return _SAME
    precision, scale = now[0], now[1] if len(now) > 1 else 0
    if not was:
        return Change(True, True, True, valid)
    old_precision, old_scale = was[0], was[1] if len(was) > 1 else 0
    if scale == old_scale and precision >= old_precision:
        return _SAME
    # Rounding may carry a digit over, so the same number of digits before the point does for a growing scale only.
    fails = precision - scale < old_precision - old_scale + (1 if scale < old_scale else 0)
    return Change(True, fails, scale < old_scale, valid if fails else None)


def _cast(old: TypeRef, new: TypeRef, known: Known, valid: str, explicit: bool) -> Change:
    if new.name in _INTEGERS and old.name in (*_INTEGERS, "numeric", "float4", "float8"):
        low, high = _INTEGERS[new.name]
        if old.name not in _INTEGERS:
            return Change(True, True, True, f"round({{}}) NOT BETWEEN {low} AND {high}")
        if _INTEGERS[old.name][1] <= high:
            return Change(rewrites=True)
        return Change(True, True, False, f"{{}} NOT BETWEEN {low} AND {high}")
    if new.name in ("numeric", "float4", "float8") and old.name in (*_INTEGERS, "numeric", "float4", "float8"):
        fails = bool(new.mods) or (old.name, new.name) in (
            ("numeric", "float8"),
            ("numeric", "float4"),
            ("float8", "float4"),
        )
        lossy = (old.name, new.name) in _LOSSY or (bool(new.mods) and old.name not in _INTEGERS)
        return Change(True, fails, lossy, valid if fails else None)
    if new.name in _TEXTS:
        limited = bool(new.mods)
        loses = (old.name, new.name) in _LOSSY or (limited and explicit)
        return Change(True, limited and not explicit, loses, valid if limited and not explicit else None)
    old_labels, new_labels = _lookup(known.enums, old), _lookup(known.enums, new)
    if new_labels is not None:
        if old_labels is not None and set(old_labels) <= set(new_labels):
            return Change(rewrites=True)
        labels = ", ".join(_literal(label) for label in new_labels)
        return Change(True, True, False, f"{{}}::text NOT IN ({labels})" if labels else "{} IS NOT NULL")
    pair = (old.name, new.name)
    less = new.name in _TEMPORAL and bool(new.mods) and new.mods[0] < _MAX_PRECISION and old.name != "date"
    if pair in _SAFE:
        return Change(rewrites=True, loses=pair in _LOSSY or less)
    return Change(True, True, pair in _LOSSY or less, valid)


def _literal(text: str) -> str:
    from confiture.quoting import quote_literal

    # The condition is a template: braces of the text are doubled.
    return quote_literal(text).replace("{", "{{").replace("}", "}}")
