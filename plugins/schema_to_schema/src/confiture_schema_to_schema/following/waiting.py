"""Who a batch waits for: its waits for locks end soon, it lets its snapshots go, and says whose locks they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio

from confiture.errors import Busy, ConfitureError
from confiture.sides import shown_side
from confiture.translate import collapse, translate

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["HOLDERS", "LOCK_LIMIT", "WAITED", "Waits", "told"]

#: How long a statement of a batch waits for a lock.
LOCK_LIMIT: Final = {"lock_timeout": "5s"}
#: The code of the error that says whom it waited for.
WAITED: Final = "55P03"
#: A wait that is shorter than the first is nobody's business.
_WONDER_S: Final = 1.0
_LOOK_EVERY_S: Final = 1.0
_WHO = """
SELECT DISTINCT b.pid, a.usename::text AS role,
       coalesce(nullif(a.application_name, ''), 'a session without a name') AS name,
       a.xact_start AS since
"""
_BLOCKERS = f"""{_WHO}
  FROM unnest($1::int[]) AS w(pid) CROSS JOIN LATERAL unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b(pid)
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
 WHERE b.pid <> ALL ($1::int[]) ORDER BY 1
"""
#: Who has more than a reader has of a table ($1, in SQL).
HOLDERS: Final = f"""{_WHO}
  FROM pg_catalog.pg_locks b LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
 WHERE b.locktype = 'relation' AND b.granted AND b.relation = pg_catalog.to_regclass($1)
   AND b.mode <> 'AccessShareLock' AND b.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() ORDER BY 1
"""


class Waits:
    """The sessions of one batch, and who was last seen in the way of them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._sessions: list[tuple[Target, int]] = []
        self._seen = ""

    def uses(self, side: Target, connection: Connection) -> None:
        """The batch has a session there."""
        self._sessions.append((side, connection.get_server_pid()))

    def busy(self) -> Busy:
        """What to raise when a wait has ended without the lock."""
        who = self._seen or "others hold locks that they need"
        return Busy(
            f"changes cannot be brought over: {who}",
            hint="wait for that transaction to end, or end it; nothing is lost meanwhile",
            sqlstate=WAITED,
        )

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look from the side who is in the way, while the block lasts."""
        self._sessions.clear()
        self._seen = ""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch)
                yield
                group.cancel_scope.cancel()
        except BaseExceptionGroup as errors:  # what the block raises must come out as it is
            raise collapse(errors) from None

    async def _watch(self) -> None:
        await anyio.sleep(_WONDER_S)
        while True:
            for side, pid in tuple(self._sessions):
                try:
                    async with self._ctx.connect(side) as connection:
                        rows = await connection.fetch(_BLOCKERS, [pid])
                except Exception as error:  # the batch itself has more to say of it
                    if not isinstance(translate(error), ConfitureError):
                        raise
                    continue
                if rows:
                    self._seen = f"on {shown_side(side)!r} they wait for {told(rows)}"
            await anyio.sleep(_LOOK_EVERY_S)


def told(rows: Sequence[Any]) -> str:
    """Who they are, of whom :data:`HOLDERS` or a look from the side tells."""
    return ", ".join(map(_session, rows)) or "others"


def _session(row: Any) -> str:
    if not row["pid"]:
        return "a prepared transaction (see pg_prepared_xacts)"
    # The server shows the start of another role's transaction only to who may read all statistics.
    since = f" since {row['since']:%Y-%m-%d %H:%M:%S%z}" if row["since"] else ""
    return f"{row['name']!r} (server process {row['pid']}, role {row['role']!r}){since}"
