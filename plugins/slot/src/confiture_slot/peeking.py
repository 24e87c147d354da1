"""Reading of the slot without moving it, and having the WAL flushed: what is not is not decoded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from confiture.errors import Busy
from confiture.quoting import quote_ident
from confiture_slot.registry import publication_name

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_slot.registry import Slot

__all__ = ["MESSAGES", "arguments", "flush", "prefix_of", "when_free"]

_T = TypeVar("_T")
#: Another session that reads the same slot is waited for so long.
_FREE_S = 20.0
_LOOK_EVERY_S = 0.02
#: The decoder looks a commit up before the server has noted it everywhere ("could not map filenumber", after TRUNCATE):
#: that passes. Each try decodes anew, so that nothing of the failed one is taken. A server that is held up has so many.
_PASSING_S = 2.0
_PASSING_TRIES = 20
_SAVEPOINT = "confiture_slot"
#: $1 the slot, $2 up to which position, $3 about how many messages, $4 the publication.
MESSAGES = """
pg_catalog.pg_logical_slot_peek_binary_changes($1, $2::text::pg_lsn, $3::int, 'proto_version', '1',
    'publication_names', $4::text, 'messages', 'true')
"""
#: From this version on, a message can be flushed without a transaction of its own.
_FLUSHING_SINCE = 17
_FLUSH = "SELECT pg_catalog.pg_logical_emit_message(false, 'confiture_flush', '', true)"
#: No waiting for a standby, whatever is set.
_FLUSH_BY_COMMIT = """
SELECT pg_catalog.set_config('synchronous_commit', 'local', true),
       pg_catalog.pg_logical_emit_message(true, 'confiture_flush', '')
"""
_FLUSHED = "SELECT pg_catalog.pg_current_wal_flush_lsn() - '0/0' >= $1::bigint"
_WRITER_DELAY_MS = "SELECT setting::float8 FROM pg_catalog.pg_settings WHERE name = 'wal_writer_delay'"


def prefix_of(name: str) -> str:
    """Of messages by which a table is told as emptied."""
    return publication_name(name)


def arguments(slot: Slot, name: str, *, upto: int | None = None, limit: int | None = None) -> tuple[object, ...]:
    """Of :data:`MESSAGES`."""
    position = None if upto is None else f"{upto >> 32:X}/{upto & 0xFFFFFFFF:X}"
    return slot.name, position, limit, quote_ident(publication_name(name))


async def when_free(connection: Connection, work: Callable[[], Awaitable[_T]], slot: Slot) -> _T:
    """Do ``work`` once nobody else is at the slot; a transaction that is open goes on. Raises ``Busy``.

    An internal error of the server's decoder is tried again for a moment.
    """
    import asyncpg

    inside = connection.is_in_transaction()
    begun = anyio.current_time()
    failures = 0
    while True:
        if inside:
            await connection.execute(f"SAVEPOINT {_SAVEPOINT}")
        try:
            done = await work()
        except (asyncpg.ObjectInUseError, asyncpg.InternalServerError) as error:
            if inside:
                await connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
            waited = anyio.current_time() - begun
            if isinstance(error, asyncpg.InternalServerError):
                failures += 1
                if waited >= _PASSING_S and failures >= _PASSING_TRIES:
                    raise
            elif waited >= _FREE_S:
                raise Busy(
                    f"another session has been reading the replication slot {slot.name!r} for {_FREE_S:g} s",
                    hint="see pg_replication_slots (active_pid): wait for it, or end it",
                ) from None
        else:
            if inside:
                await connection.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
            return done
        await anyio.sleep(_LOOK_EVERY_S)


async def flush(connection: Connection, upto: int) -> bool:
    """Have the WAL flushed up to there, where it is not: a commit that did not wait for that can be seen already.

    False: that could not be had, only waited for as long as the server needs to flush all commits by itself.
    """
    if await connection.fetchval(_FLUSHED, upto):
        return True
    if connection.get_server_version()[0] >= _FLUSHING_SINCE:
        await connection.execute(_FLUSH)
    elif not connection.is_in_transaction():
        await connection.execute(_FLUSH_BY_COMMIT)
    else:
        # Three times its delay is what PostgreSQL promises of asynchronous commits.
        delay_s = await connection.fetchval(_WRITER_DELAY_MS) / 1000
        deadline = anyio.current_time() + 3 * delay_s
        while not await connection.fetchval(_FLUSHED, upto):
            if anyio.current_time() >= deadline:
                return False
            await anyio.sleep(_LOOK_EVERY_S)
    return True
