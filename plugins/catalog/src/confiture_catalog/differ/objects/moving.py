"""Values of a composite type that is made anew: brought over by functions that the plan makes and drops again.

Most values get from an old type to a new one by their text. That does not do where a composite type has lost, gained
or moved attributes: its text has neither their names nor their number right. A USING clause takes no subquery, which
an array of such values would need: so it is a function for the value, and one for arrays of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confiture.model import Hazard, ObjectKey, SchemaObject, Statement
from confiture.sql.grammar import parse, unwrap
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.names import beside, temporary_name
from confiture_catalog.differ.world import World

__all__ = ["conversion_by_function", "functions", "functions_away", "moves_with_extension", "survives_swap"]


def conversion_by_function(value: str, old: SchemaObject, new: SchemaObject, world: World) -> str | None:
    """The SQL that turns ``value``, of the type of ``old``, into the new type; None where its text does.

    ``old`` and ``new`` are a column or an attribute on both sides, or ``old`` is the domain that such a one is of.
    """
    for need in (each for each in old.needs if each in world.swapped):
        if need.kind == "domain":
            return conversion_by_function(value, world.old.objects[need], new, world)
        if need.kind == "composite type" and _needs_function(need, world):
            return f"{_function(world.old.objects[need])}({value})::{new.properties['type']}"
    return None


def moves_with_extension(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether their types have other names only since the extension that made them is in another schema."""
    was, becomes = str(old.properties["type"]), str(new.properties["type"])
    for need in old.needs:
        sides = world.old.get(need), world.new.get(need)
        if need.kind == "extension" and sides[0] is not None and sides[1] is not None:
            before, after = (f"{side.properties['schema']}." for side in sides if side is not None)
            if was.startswith(before) and becomes == after + was.removeprefix(before):
                return True
    return False


def survives_swap(dependent: SchemaObject) -> bool:
    """Whether it may stay while a column that it needs goes over to the new type of the old one's name.

    PostgreSQL builds keys and plain indexes anew for the new type by itself. Where there is an expression it may
    have to compare a column that has come over with one that has not.
    """
    if dependent.kind == "constraint":
        return dependent.properties["type"] in ("not null", "primary key", "unique")
    if dependent.kind != "index":
        return False
    index: Any = unwrap(parse(str(dependent.properties["definition"])).stmts[0].stmt)
    return not index.HasField("where_clause") and all(each.index_elem.name for each in index.index_params)


def functions(new: SchemaObject, world: World) -> Iterable[Statement]:
    """Those of a composite type, where it needs any, when the new one exists."""
    if not _needs_function(new.key, world):
        return
    old = world.old.objects[new.key]
    moved, name = beside(old, temporary_name(old)), _function(old)
    before = {each.name: each for each in world.old.children(old.key, "attribute")}
    after = world.new.children(new.key, "attribute")
    values = ", ".join(_value(before.get(each.name), each, world) for each in after)
    body = f"SELECT CASE WHEN $1 IS DISTINCT FROM NULL THEN ROW({values})::{new.identity} END"
    gone = sorted(before.keys() - {each.name for each in after})
    yield _with_hazard(_make(name, moved, new.identity, body), gone, new)
    # Subscripts see one dimension: more of them go by their text, which fails rather than losing any.
    body = (
        f"SELECT CASE WHEN pg_catalog.array_ndims($1) > 1 THEN $1::text::{new.identity}[]"
        f" WHEN $1 IS NOT NULL THEN ARRAY(SELECT {name}($1[i])"
        " FROM pg_catalog.generate_subscripts($1, 1) AS i ORDER BY i) END"
    )
    yield _make(name, f"{moved}[]", f"{new.identity}[]", body)


def functions_away(old: SchemaObject, world: World) -> Iterable[Statement]:
    """Drop them."""
    if _needs_function(old.key, world):
        moved = beside(old, temporary_name(old))
        yield sql(f"DROP FUNCTION {_function(old)}({moved}), {_function(old)}({moved}[])", undo="")


def _make(name: str, takes: str, gives: str, body: str) -> Statement:
    return sql(
        f"CREATE FUNCTION {name}({takes}) RETURNS {gives} LANGUAGE sql IMMUTABLE AS $confiture${body}$confiture$",
        undo=f"DROP FUNCTION {name}({takes})",
    )


def _with_hazard(statement: Statement, gone: list[str], new: SchemaObject) -> Statement:
    if not gone:
        return statement
    names = ", ".join(repr(name) for name in gone)
    hazard = Hazard(kind="deletes-data", message=f"values of {new.identity!r} lose {names}")
    return Statement(sql=statement.sql, undo=statement.undo, hazards=(hazard,))


def _function(composite: SchemaObject) -> str:
    return beside(composite, temporary_name(composite, "confiture_new_"))


def _value(old: SchemaObject | None, new: SchemaObject, world: World) -> str:
    type_ = new.properties["type"]
    if old is None:
        return f"NULL::{type_}"
    assert old.parent is not None
    value = f"($1).{old.identity[len(old.parent.identity) + 1 :]}"
    if type_ == old.properties["type"] and world.swapped.isdisjoint(old.needs):
        return value
    return conversion_by_function(value, old, new, world) or f"{value}::text::{type_}"


def _needs_function(key: ObjectKey, world: World) -> bool:
    before = world.old.children(key, "attribute")
    after = world.new.children(key, "attribute")
    if [each.key for each in before] != [each.key for each in after]:
        return True
    within = {need for each in before for need in each.needs if need in world.swapped and need != key}
    return any(need.kind == "composite type" and _needs_function(need, world) for need in within)
