"""Making the slot, which waits for every transaction that is writing anywhere on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confiture.errors import Busy, PermissionMissing, Refused
from confiture.transfer import set_local
from confiture_slot.locking import shown_session

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["create_slot", "long_writers"]

_CREATE = "SELECT pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput')"
#: Who has a transaction with a number holds the lock on it; this is shown to every role.
_WRITERS = """
SELECT l.transactionid::text AS xid, l.pid, a.usename, a.application_name,
       extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::double precision AS age_s
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock'
   AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
 ORDER BY pg_catalog.age(l.transactionid) DESC
"""
_SHOWN = 3


async def long_writers(connection: Connection, longer_s: float) -> list[str]:
    """Who has been writing for so long, anywhere on the server: a slot would have waited for them in vain.

    A prepared transaction is one of them: it ends when somebody sees to it. Of other roles' sessions the server tells
    when they began only who is of the role ``pg_read_all_stats``: such a one is left out.
    """
    rows = await connection.fetch(_WRITERS)
    return [shown_session(row) for row in rows if row["pid"] is None or (row["age_s"] or 0) > longer_s]


async def create_slot(ctx: Context, connection: Connection, slot: str, timeout_s: float) -> None:
    """Make it. Raises ``Busy`` naming the transactions that it waited for, for longer than that."""
    import asyncpg

    before = await connection.fetch(_WRITERS)
    try:
        async with ctx.transaction(connection):
            await set_local(connection, {"statement_timeout": f"{max(1, round(timeout_s * 1000))}ms"})
            await connection.fetchval(_CREATE, slot)
    except asyncpg.QueryCanceledError:
        raise _busy(slot, timeout_s, before, await connection.fetch(_WRITERS)) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise PermissionMissing(
            f"the replication slot {slot!r} cannot be made: {error}",
            hint="ALTER ROLE ... REPLICATION; GRANT rds_replication TO ... on Amazon RDS",
        ) from error
    except asyncpg.ConfigurationLimitExceededError as error:
        raise Refused(
            f"the replication slot {slot!r} cannot be made: {error}",
            hint="drop a slot that nobody needs (pg_replication_slots), or raise max_replication_slots and restart",
        ) from error
    except asyncpg.ObjectNotInPrerequisiteStateError as error:
        raise Refused(
            f"the replication slot {slot!r} cannot be made: {error}",
            hint="set wal_level = logical and restart the server, or use the capture 'triggers'",
        ) from error


def _busy(slot: str, timeout_s: float, before: list[Any], after: list[Any]) -> Busy:
    left = {row["xid"] for row in after}
    held = [row for row in before if row["xid"] in left] or after
    shown = ", ".join(shown_session(row) for row in held[:_SHOWN])
    more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
    return Busy(
        f"the replication slot {slot!r} was not ready in {timeout_s:g} s: it waits for the transactions of "
        f"{shown or 'others'}{more}",
        hint="wait for them to end, or end them: a slot begins where no older transaction is at work, in any database",
    )
