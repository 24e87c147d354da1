"""Server-wide locks by name: session-level advisory locks, taken in the server's maintenance database.

Advisory locks are per database, so that all parties must take them in the same one. They are polled with the try
form: a session that waits in ``pg_advisory_lock`` holds a snapshot that a concurrent index build waits for.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from confiture.connect import transaction
from confiture.errors import Busy

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["acquire_lock", "end_lost", "is_locked", "is_pooled", "try_lock", "unlock"]

_KEY = "hashtextextended('confiture:' || $1, 0)"
#: Between two tries: short enough not to be noticed, long enough to cost nothing.
_POLL_S = 0.1
_WONDER_S = 1.0
_HOLDER = f"""
SELECT a.pid, a.usename, a.application_name, a.backend_start
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (l.classid::bigint << 32) | l.objid::bigint = {_KEY}
"""
#: A number may be another session's by now: ours had our name and role, and has this very lock.
_END_LOST = f"""
SELECT pg_terminate_backend(h.pid) FROM ({_HOLDER}) AS h
 WHERE h.pid = $2 AND h.usename = CURRENT_USER AND h.application_name = current_setting('application_name')
"""
_ENDED_S = 5.0


async def try_lock(connection: Connection, name: str) -> bool:
    """Take the lock for this session, if nobody has it."""
    return bool(await connection.fetchval(f"SELECT pg_try_advisory_lock({_KEY})", name))


async def is_locked(connection: Connection, name: str) -> bool:
    """Whether somebody has it, without taking it: who comes for it in this moment must not find it taken."""
    return await connection.fetchrow(_HOLDER, name) is not None


async def unlock(connection: Connection, name: str) -> None:
    """Give it back."""
    await connection.fetchval(f"SELECT pg_advisory_unlock({_KEY})", name)


async def end_lost(connection: Connection, name: str, pid: int) -> bool:
    """End the server process ``pid`` of a session of one's own that had the lock, where it has it still.

    Where the network was cut the server may not know for hours that nobody is there any more. Whether it had.
    """
    return bool(await connection.fetch(_END_LOST, name, pid))


async def acquire_lock(
    connection: Connection,
    name: str,
    wait_s: float,
    *,
    waiting: Callable[[str], None] | None = None,
    lost: int | None = None,
) -> None:
    """Take the lock, trying for ``wait_s``. Raises ``Busy``, saying who holds it, as what, since when.

    ``waiting`` is told the same, once, when the waiting is long enough for a person to wonder. ``lost``: see
    :func:`end_lost`.
    """
    started = anyio.current_time()
    deadline = started + wait_s
    if lost is not None and await end_lost(connection, name, lost):
        deadline = max(deadline, started + _ENDED_S)
    while not await try_lock(connection, name):
        if anyio.current_time() >= deadline:
            raise await _busy(connection, name, wait_s)
        if waiting is not None and anyio.current_time() - started >= _WONDER_S:
            waiting((await _busy(connection, name, 0)).message)
            waiting = None
        await anyio.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret


async def _busy(connection: Connection, name: str, wait_s: float) -> Busy:
    holder = await connection.fetchrow(_HOLDER, name)
    waited = f" after {wait_s:g} s" if wait_s else ""
    if holder is None:
        return Busy(f"the lock {name!r} is taken{waited}", hint="try again")
    # The server shows the start of another role's session only to who may read all statistics.
    since = f" since {holder['backend_start']:%Y-%m-%d %H:%M:%S%z}" if holder["backend_start"] else ""
    return Busy(
        f"the lock {name!r} is held{waited} by {holder['application_name'] or 'a session without a name'!r} "
        f"(server process {holder['pid']}, role {holder['usename']!r}){since}",
        hint="wait for that run to end, or stop it",
    )


async def is_pooled(connection: Connection) -> bool:
    """Whether a transaction-mode pooler is in between: the process that answers is not the one that greeted us.

    A pooler makes up the process id that it sends at connection time (it routes cancel requests by it).
    """
    async with transaction(connection):  # one transaction, so that both halves of the query meet one server
        return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())
