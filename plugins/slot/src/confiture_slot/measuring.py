"""What waits in the WAL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.model import Backlog
from confiture_slot.peeking import MESSAGES, arguments, flush, prefix_of, when_free
from confiture_slot.registry import need_installed

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["backlog", "drained"]

#: Of more WAL than this, so much is decoded and the rest reckoned.
_MEASURED_BYTES = 16 * 1024 * 1024
_INSERTED = "SELECT (pg_catalog.pg_current_wal_insert_lsn() - '0/0')::bigint"
#: By their first byte: Insert, Update, Delete, Truncate, and messages of ours. A Begin has its commit's time.
_COUNT = f"""
WITH said AS MATERIALIZED (SELECT pg_catalog.get_byte(m.data, 0) AS kind, m.data, m.place
                             FROM {MESSAGES} WITH ORDINALITY AS m(lsn, xid, data, place)),
change AS (SELECT place FROM said
            WHERE kind IN (73, 85, 68, 84)
               OR kind = 77 AND pg_catalog.substr(data, 11, pg_catalog.length($5::bytea)) = $5::bytea)
SELECT (SELECT pg_catalog.count(*) FROM change),
       (SELECT pg_catalog.encode(pg_catalog.substr(data, 10, 8), 'hex') FROM said
         WHERE kind = 66 AND place < (SELECT min(place) FROM change) ORDER BY place DESC LIMIT 1),
       (extract(epoch FROM pg_catalog.clock_timestamp()) - 946684800) * 1000000
"""
_MICROSECONDS = 1_000_000


async def backlog(connection: Connection, name: str) -> Backlog:
    """See ``Capture.backlog``: exact up to 16 MB of WAL, then reckoned by the oldest so much of it."""
    _, slot = await need_installed(connection, name)
    inserted = await connection.fetchval(_INSERTED)
    await flush(connection, inserted)
    size = max(0, inserted - slot.confirmed)
    upto = slot.confirmed + _MEASURED_BYTES if size > _MEASURED_BYTES else None
    values = (*arguments(slot, name, upto=upto), prefix_of(name).encode() + b"\0")
    entries, oldest, now = await when_free(connection, lambda: connection.fetchrow(_COUNT, *values), slot)
    if not entries and upto is None:
        return Backlog(entries=0, bytes=0, age_s=0.0)  # the WAL is of others
    share = size / _MEASURED_BYTES if upto is not None else 1.0
    age_s = 0.0 if oldest is None else (float(now) - int(oldest, 16)) / _MICROSECONDS
    return Backlog(entries=round(entries * share), bytes=size, age_s=max(0.0, age_s))


async def drained(connection: Connection, name: str) -> bool:
    """See ``Capture.drained``: all of the WAL is flushed first, so that it is decoded."""
    _, slot = await need_installed(connection, name)
    if not await flush(connection, await connection.fetchval(_INSERTED)):
        return False
    values = (*arguments(slot, name), prefix_of(name).encode() + b"\0")
    found = await when_free(connection, lambda: connection.fetchrow(_COUNT, *values), slot)
    return not found[0]
