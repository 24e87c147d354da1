"""Locks on tables that an application is writing to: short waits, tried again, and the holder's name at the end.

While a session waits for such a lock, every writer that comes after it waits as well. So it gives up soon, lets them
through, and comes back after a pause that is never the same.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio

from confiture.errors import Busy
from confiture.transfer import set_local

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_triggers.config import TriggersConfig

__all__ = ["with_short_locks"]

#: Between two tries, as parts of a try: writers have more of the time than we do.
_PAUSE = (0.5, 1.5)
#: Whoever has more than a reader has of the table, or of a partition of it.
_HOLDER = """
WITH RECURSIVE tree(oid) AS (
    SELECT $1::oid UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT l.pid, a.usename, a.application_name, a.xact_start
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.granted AND l.relation IN (SELECT oid FROM tree)
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
   AND ($2 OR l.mode NOT IN ('AccessShareLock', 'RowShareLock'))
 ORDER BY a.xact_start NULLS FIRST LIMIT 1
"""


async def with_short_locks(
    ctx: Context,
    connection: Connection,
    config: TriggersConfig,
    table: tuple[str, int | None],
    work: Callable[[], Awaitable[None]],
    *,
    readers: bool = False,
) -> None:
    """Do ``work`` in a transaction whose waits for locks are short, again and again until it is done.

    ``table`` is its label and oid. ``readers``: whether they are in the way too. Raises ``Busy``.
    """
    import asyncpg

    deadline = anyio.current_time() + config.wait_s
    timeout = {"lock_timeout": f"{max(1, round(config.lock_timeout_s * 1000))}ms"}
    while True:
        try:
            async with ctx.transaction(connection):
                await set_local(connection, timeout)
                await work()
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if anyio.current_time() >= deadline:
                raise await _busy(connection, config, table, readers) from None
        await anyio.sleep(config.lock_timeout_s * random.uniform(*_PAUSE))  # noqa: S311 - jitter, not a secret


async def _busy(connection: Connection, config: TriggersConfig, table: tuple[str, int | None], readers: bool) -> Busy:
    label, oid = table
    holder: Any = await connection.fetchrow(_HOLDER, oid, readers)
    if holder is None:
        return Busy(f"the table {label!r} could not be locked in {config.wait_s:g} s", hint="try again")
    if holder["pid"] is None:
        return Busy(
            f"the table {label!r} is held by a prepared transaction",
            hint="see pg_prepared_xacts: COMMIT PREPARED or ROLLBACK PREPARED, then try again",
        )
    # The server shows the start of another role's transaction only to who may read all statistics.
    since = f" since {holder['xact_start']:%Y-%m-%d %H:%M:%S%z}" if holder["xact_start"] else ""
    return Busy(
        f"the table {label!r} is held by {holder['application_name'] or 'a session without a name'!r} "
        f"(server process {holder['pid']}, role {holder['usename']!r}){since}",
        hint="wait for that transaction to end, or end it: its table cannot be changed meanwhile",
    )
