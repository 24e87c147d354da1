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


def with_missing_object(error: StatementFailed, plan: Plan, order: str) -> StatementFailed:
    """``error`` with a hint that names the later file that makes what was missing, where there is one."""
    if error.sqlstate not in _MISSING or error.file is None:
        return error
    from confiture import sql

    index = _failed_index(error, plan)
    found = None if index is None else sql.missing_hint(plan, index, error.sqlstate, _name_in(error.message))
    if found is None:
        return error
    name, origin = found
    better = copy.copy(error)
    way = "" if order == "auto" else "; rename a file so that it comes first, or build with --order auto"
    better.hint = f"{name} is made later, in {origin.file}:{origin.line}{way}"
    return better


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
