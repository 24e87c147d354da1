"""Locks on tables that an application is writing to: short waits, tried again, and the holder's name at the end."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio

from confiture.errors import Busy
from confiture.transfer import set_local

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_slot.config import SlotConfig

__all__ = ["shown_session", "with_short_locks"]

#: Between two tries, as parts of a try: writers have more of the time than we do.
_PAUSE = (0.5, 1.5)
_HOLDER = """
WITH RECURSIVE tree(oid) AS (
    SELECT $1::oid UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT l.pid, a.usename, a.application_name
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.granted AND l.relation IN (SELECT oid FROM tree)
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
 ORDER BY l.mode LIKE '%Exclusive%' DESC, a.xact_start NULLS FIRST LIMIT 1
"""


async def with_short_locks(
    ctx: Context,
    connection: Connection,
    config: SlotConfig,
    table: tuple[str, int | None],
    work: Callable[[], Awaitable[None]],
) -> None:
    """Do ``work`` in a transaction whose waits for locks are short, again and again until it is done.

    While a session waits for such a lock, every writer that comes after it waits as well: so it gives up soon, lets
    them through, and comes back after a pause that is never the same. ``table`` is its label and oid. Raises ``Busy``.
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
                raise await _busy(connection, config, table) from None
        await anyio.sleep(config.lock_timeout_s * random.uniform(*_PAUSE))  # noqa: S311 - jitter, not a secret


async def _busy(connection: Connection, config: SlotConfig, table: tuple[str, int | None]) -> Busy:
    label, oid = table
    holder: Any = await connection.fetchrow(_HOLDER, oid)
    if holder is None:
        return Busy(f"the table {label!r} could not be locked in {config.wait_s:g} s", hint="try again")
    return Busy(
        f"the table {label!r} is held by {shown_session(holder)}",
        hint="wait for that transaction to end, or end it: its table cannot be changed meanwhile",
    )


def shown_session(row: Any) -> str:
    """Who that is: a row with ``pid``, ``usename`` and ``application_name``."""
    if row["pid"] is None:
        return "a prepared transaction (pg_prepared_xacts)"
    name = row["application_name"] or "a session without a name"
    return f"{name!r} (server process {row['pid']}, role {row['usename']!r})"
