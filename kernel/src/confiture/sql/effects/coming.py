"""What later statements of a plan make: a name that goes and is there again is missed by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confiture.sql.grammar import enum_names, string_values, unwrap

__all__ = ["Coming"]


class Coming:
    """The types that a plan makes and the indexes that it renames, by the number of the last statement that does.

    ``plan``: the nodes of each statement, in the plan's order. ``now`` is the number of the one that is looked at.
    """

    def __init__(self, plan: Sequence[Sequence[Any]] = ()) -> None:
        self.now = 0
        self._types: dict[tuple[str, str], int] = {}
        self._indexes: dict[tuple[str, str], tuple[int, str]] = {}
        for number, nodes in enumerate(plan):
            for node in nodes:
                self._note(number, node)

    def type_is_made(self, schema: str, name: str) -> bool:
        """Whether a later statement gives that name to a type."""
        return self._types.get((schema or "public", name), -1) > self.now

    def index_for(self, schema: str, name: str) -> str | None:
        """The index, by its name of today, that a later statement gives that name."""
        number, today = self._indexes.get((schema or "public", name), (-1, ""))
        return today if number > self.now else None

    def _note(self, number: int, node: Any) -> None:
        what = type(node).__name__
        if what in ("CreateEnumStmt", "CreateRangeStmt"):
            self._types[_key(string_values(node.type_name))] = number
        elif what == "CreateDomainStmt":
            self._types[_key(string_values(node.domainname))] = number
        elif what == "CompositeTypeStmt":
            self._types[_key((node.typevar.schemaname, node.typevar.relname))] = number
        elif what == "RenameStmt":
            kind = enum_names("ObjectType")[node.rename_type]
            if kind in ("OBJECT_TYPE", "OBJECT_DOMAIN"):
                schema, _ = _key(string_values(unwrap(node.object).items))
                self._types[(schema, node.newname)] = number
            elif kind == "OBJECT_INDEX":
                self._indexes[(node.relation.schemaname or "public", node.newname)] = (number, node.relation.relname)


def _key(parts: Sequence[str]) -> tuple[str, str]:
    return ((parts[-2] if len(parts) > 1 else "") or "public", parts[-1])
