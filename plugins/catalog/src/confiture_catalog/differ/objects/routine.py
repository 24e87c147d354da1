"""Functions and procedures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from confiture.model import SchemaObject, Statement
from confiture.sql.grammar import enum_names, parse, unwrap
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import World

__all__ = ["RoutineHandler"]

#: How ``pg_get_functiondef`` begins.
_REPLACE = "CREATE OR REPLACE "


class RoutineHandler(Handler):
    """CREATE, CREATE OR REPLACE and DROP."""

    kinds = ("function", "procedure")
    rank = 25

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE FUNCTION."""
        return (sql(f"CREATE {_definition(new)[len(_REPLACE) :]}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP FUNCTION."""
        return (sql(f"DROP {old.kind.upper()} {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """CREATE OR REPLACE, where the signature stays what callers rely on."""
        if old.properties["definition"] == new.properties["definition"]:
            return ()
        if not _can_replace(old, new):
            return Way.REPLACE
        return (sql(_definition(new), undo=_definition(old)),)


def _definition(found: SchemaObject) -> str:
    return str(found.properties["definition"]).rstrip()


class _Parameter(NamedTuple):
    name: str
    mode: str
    default: bool


def _can_replace(old: SchemaObject, new: SchemaObject) -> bool:
    """What CREATE OR REPLACE refuses to change (manual, CREATE FUNCTION, Notes)."""
    before, after = old.properties, new.properties
    if any(before.get(name) != after.get(name) for name in ("result", "window")):
        return False
    if before.get("arguments") == after.get("arguments"):
        return True
    olds, news = _parameters(old), _parameters(new)
    inputs = [[each for each in side if each.mode not in _OUTPUTS] for side in (olds, news)]
    renamed = any(was.name and was.name != becomes.name for was, becomes in zip(*inputs, strict=True))
    lost = any(was.default and not becomes.default for was, becomes in zip(*inputs, strict=True))
    outputs = [[each for each in side if each.mode not in _INPUTS] for side in (olds, news)]
    return not renamed and not lost and _types(old) == _types(new) and outputs[0] == outputs[1]


_OUTPUTS = frozenset({"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"})
_INPUTS = frozenset({"FUNC_PARAM_IN", "FUNC_PARAM_VARIADIC", "FUNC_PARAM_DEFAULT"})


def _parameters(found: SchemaObject) -> list[_Parameter]:
    modes = enum_names("FunctionParameterMode")
    return [_Parameter(each.name, modes[each.mode], each.HasField("defexpr")) for each in _nodes(found)]


def _types(found: SchemaObject) -> list[str]:
    """The types of what it gives back."""
    modes = enum_names("FunctionParameterMode")
    return [str(each.arg_type) for each in _nodes(found) if modes[each.mode] not in _INPUTS]


def _nodes(found: SchemaObject) -> list[Any]:
    tree = unwrap(parse(str(found.properties["definition"])).stmts[0].stmt)
    return [unwrap(each) for each in tree.parameters]
