"""What each statement of a transaction takes: its time, and its locks on what was there before the transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.model import Measurement

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Meter"]

#: Their names are kept: what is dropped meanwhile has none any more.
_THERE = """
SELECT c.oid::bigint AS id, format('%I.%I', nspname, relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
WHERE nspname <> 'pg_catalog' AND nspname <> 'information_schema' AND nspname <> 'pg_toast'
"""
_LOCKS = """
SELECT mode, relation::bigint AS id FROM pg_catalog.pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
"""


class Meter:
    """Measures the statements of one transaction. Made by :meth:`start`."""

    def __init__(self, connection: Connection, names: dict[int, str]) -> None:
        self._connection = connection
        self._names = names
        self._seen: set[tuple[str, int]] = set()
        self.measured: list[Measurement] = []

    @classmethod
    async def start(cls, connection: Connection) -> Meter:
        """Take note of the relations that are there."""
        meter = cls(connection, {row["id"]: row["name"] for row in await connection.fetch(_THERE)})
        await meter._new_locks()
        return meter

    async def add(self, number: int, seconds: float) -> None:
        """The statement of that number has run, and took so long."""
        self.measured.append(Measurement(number=number, seconds=seconds, locks=await self._new_locks()))

    async def _new_locks(self) -> tuple[tuple[str, str], ...]:
        rows = {(row["mode"], row["id"]) for row in await self._connection.fetch(_LOCKS)}
        new, self._seen = rows - self._seen, self._seen | rows
        return tuple(sorted((mode, self._names[id_]) for mode, id_ in new if id_ in self._names))
