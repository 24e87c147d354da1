"""Leads on from a statement that failed because something does not exist yet."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confiture.errors import StatementFailed
    from confiture.model import Plan

__all__ = ["with_missing_object"]

#: undefined_table, undefined_object (types), undefined_function, invalid_schema_name, undefined_column.
_MISSING = frozenset({"42P01", "42704", "42883", "3F000", "42703"})
#: duplicate_table, duplicate_object, duplicate_function, duplicate_schema.
_DUPLICATE = frozenset({"42P07", "42710", "42723", "42P06"})


def with_missing_object(error: StatementFailed, plan: Plan, order: str) -> StatementFailed:
    """``error`` with a hint that names the place in the schema that explains it, where there is one."""
    index = _failed_index(error, plan) if error.file is not None else None
    if index is None:
        return error
    hint = None
    if error.sqlstate in _MISSING:
        hint = _missing(error, plan, index, order)
    elif error.sqlstate in _DUPLICATE:
        hint = _duplicate(plan, index)
    if hint is None:
        return error
    better = copy.copy(error)
    better.hint = hint
    return better


def _missing(error: StatementFailed, plan: Plan, index: int, order: str) -> str | None:
    from confiture import sql

    wanted = _name_in(error.message)
    if found := sql.missing_hint(plan, index, error.sqlstate, wanted):
        name, origin = found
        way = "" if order == "auto" else "; rename a file so that it comes first, or build with --order auto"
        return f"{name} is made later, in {origin.file}:{origin.line}{way}"
    if error.hint or error.sqlstate == "42703" or wanted is None:
        return None  # PostgreSQL's own hint knows columns and arguments
    if near := sql.nearest_name(plan, wanted):
        return f"did you mean {near[0]}, made in {near[1].file}:{near[1].line}?"
    return "nothing in the schema makes it: is it misspelt, or of an extension that no file creates?"


def _duplicate(plan: Plan, index: int) -> str | None:
    from confiture import sql

    if found := sql.made_before(plan, index):
        return f"{found[0]} is made before, in {found[1].file}:{found[1].line}: remove one of the two"
    return None


def _failed_index(error: StatementFailed, plan: Plan) -> int | None:
    best = None
    for index, statement in enumerate(plan.statements):
        origin = statement.origin
        if origin is None or origin.file != error.file or error.line is None:
            continue
        if (origin.line, origin.column) <= (error.line, error.column or 1 << 30):
            best = index
    return best


def _name_in(message: str) -> str | None:
    """``users`` of ``relation "users" does not exist``; ``f`` of ``function f(integer) does not exist``."""
    if message.count('"') >= 2:
        return message.split('"')[1]
    kind, _, rest = message.partition(" ")
    return rest.partition("(")[0] if kind in ("function", "procedure", "aggregate") and "(" in rest else None
