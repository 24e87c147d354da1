"""Replicas that must not fall behind while rows are changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from confiture.model import Note, WarningRaised

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["Replicas"]

_PAUSE_S = 0.5
#: A base backup that is being taken is no replica. ``replay_lag`` stands still while a replica's replay does: what it
#: has not replayed of what had been written by then tells too.
_QUERY = """
SELECT r.application_name AS name, r.state, pg_current_wal_lsn()::text AS written,
    coalesce(r.replay_lag > make_interval(secs => $1), false)
        OR coalesce(r.replay_lsn < $2::text::pg_lsn, false) AS late
FROM pg_catalog.pg_stat_replication r WHERE r.state IS DISTINCT FROM 'backup'
"""


class Replicas:
    """Waits while a replica is more than ``most_s`` behind, or does not stream; None: never."""

    def __init__(self, ctx: Context, connection: Connection, most_s: float | None) -> None:
        self._ctx = ctx
        self._connection = connection
        self._most_s = most_s
        #: When we looked, and how far the log was written then.
        self._written: list[tuple[float, str]] = []
        self._told = False

    async def keep_up(self) -> None:
        """Wait as long as it takes. Says so once; warns once where the role may not see replicas."""
        while self._most_s is not None and (late := await self._late(self._most_s)):
            if not self._told:
                self._told = True
                self._ctx.emit(Note(message=f"waits for replicas that are behind: {', '.join(sorted(late))}"))
            await anyio.sleep(_PAUSE_S)

    async def _late(self, most_s: float) -> set[str]:
        rows = await self._connection.fetch(_QUERY, most_s, self._written_before(most_s))
        if not rows:
            return set()
        self._written.append((time.monotonic(), rows[0]["written"]))
        if any(row["state"] is None for row in rows):
            self._most_s = None
            self._ctx.emit(
                WarningRaised(
                    message="the role may not see how far replicas are: their lag is not respected",
                    hint="GRANT pg_monitor to the role that migrates",
                )
            )
            return set()
        return {row["name"] or "a replica without a name" for row in rows if row["late"] or row["state"] != "streaming"}

    def _written_before(self, seconds: float) -> str | None:
        """How far the log was written that many seconds ago, or somewhat earlier; None where nobody looked."""
        limit = time.monotonic() - seconds
        old = [number for number, (when, _) in enumerate(self._written) if when <= limit]
        if not old:
            return None
        del self._written[: old[-1]]
        return self._written[0][1]
