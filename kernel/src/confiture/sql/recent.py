"""What is known of the statements read last, by their text, so that nobody works it out twice.

A build reads a script, orders it, gives it levels and, where it fails, looks for a hint: four times the same parse
trees and facts. The values that pass between these steps are plain (a plan may be stored, or made by hand), so the
trees cannot travel in them. Both are pure functions of the text: what is found saves time and changes no result.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

__all__ = ["TREES", "Recent"]

V = TypeVar("V")
#: Characters of SQL; a tree takes some 15 bytes for each, so that all of them take 30 MB at most.
_LIMIT = 2_000_000
#: A longer statement holds data: it would drive all others out.
_LONGEST = 50_000


class Recent(Generic[V]):
    """Values by text (and what else they depend on), those of the newest two million characters."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._values: dict[tuple[str, object], V] = {}

    def get(self, sql: str, under: object = None) -> V | None:
        """The value, if it is still there."""
        return self._values.get((sql, under))

    def put(self, sql: str, value: V, under: object = None) -> None:
        """Keep a value; the oldest ones go where there are too many."""
        key = (sql, under)
        if key in self._values or len(sql) > _LONGEST:
            return
        self._values[key] = value
        self._size += len(sql)
        while self._size > self._limit:
            oldest = next(iter(self._values))
            del self._values[oldest]
            self._size -= len(oldest[0])


#: The statements' nodes in their parse trees (``CreateStmt``). Their positions are those in a file: use them not.
TREES: Recent[Any] = Recent()
