"""Peeking into the slot, telling what the snapshot sees of it, and acknowledging."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.model import Changes
from confiture_slot.peeking import MESSAGES, arguments, flush, prefix_of, when_free
from confiture_slot.pgoutput import Commit, Decoder, is_begin
from confiture_slot.registry import need_installed, read_installed
from confiture_slot.telling import Telling

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_slot.registry import Registry, Slot

__all__ = ["Token", "ack", "guard", "poll"]

#: The transaction's first query takes its snapshot before it reads this: all commits it sees are before.
_INSERTED = "SELECT (pg_catalog.pg_current_wal_insert_lsn() - '0/0')::bigint"
_FLUSHED = "SELECT (pg_catalog.pg_current_wal_flush_lsn() - '0/0')::bigint"
#: Whether the snapshot that rows are read in sees transactions; a commit is in the WAL before it can be seen.
_VISIBLE = """
SELECT x.place::int, pg_catalog.pg_visible_in_snapshot(x.xid::text::xid8, pg_catalog.pg_current_snapshot())
  FROM unnest($1::bigint[]) WITH ORDINALITY AS x(xid, place) ORDER BY x.place
"""
#: The WAL has the last 32 bits of a transaction's number; the others are those that are nearest now.
_NEXT_XID = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint"
_ROOT = """
SELECT r.relid::oid FROM pg_catalog.pg_partition_ancestors($1::oid::regclass) AS r(relid)
 WHERE r.relid::oid = ANY ($2::oid[])
"""
_ADVANCE = """
SELECT pg_catalog.pg_replication_slot_advance(s.slot_name, '0/0'::pg_lsn + $2::bigint)
  FROM pg_catalog.pg_replication_slots s
 WHERE s.slot_name = $1 AND s.confirmed_flush_lsn < '0/0'::pg_lsn + $2::bigint
"""
#: WAL of others' tables is acknowledged once it is so much: it is decoded again by each poll until then.
_WORTH_BYTES = 256 * 1024
#: Messages are read in parts of about so many bytes; the first, and the largest, by their number.
_PART_BYTES, _FIRST, _MOST = 4 * 1024 * 1024, 10, 250
_HALF, _WRAP = 1 << 31, 1 << 32


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """``end``: all up to there was told, or is no matter. ``xids``: the transactions that were told, of 64 bits."""

    slot: str
    end: int
    xids: tuple[int, ...] = ()


async def poll(connection: Connection, name: str, *, limit: int | None = None) -> Changes:
    """See ``Capture.poll``.

    The snapshot is older than the peek: whatever commits in between is decoded and cannot be seen. It is left out, and
    neither acknowledged: what follows it in the WAL, and can be seen, is told now and told again.
    """
    inserted = await connection.fetchval(_INSERTED)
    registry, slot = await need_installed(connection, name)
    await flush(connection, inserted)
    # All commits before this position will have been decoded.
    flushed = await connection.fetchval(_FLUSHED)
    taking = _Taking(registry, slot, prefix_of(name), await connection.fetchval(_NEXT_XID))
    messages = 0
    async for rows in _peek(connection, slot, arguments(slot, name, limit=limit)):
        messages += len(rows)
        await taking.take(connection, rows)
    taking.finish()
    whole = limit is None or messages < limit
    end = max(taking.end, flushed) if whole and taking.all_seen else taking.end
    telling = taking.telling
    if telling.faults and not whole:
        return await poll(connection, name)  # what mends them may come later
    telling.check()
    known = registry.by_label()
    token = None
    if end > slot.confirmed and (telling.entries or end - slot.confirmed > _WORTH_BYTES or not whole):
        token = Token(slot=slot.name, end=end, xids=tuple(taking.xids))
    return Changes(
        rows={label: tuple(told) for label, told in telling.rows.items()},
        truncated=frozenset(telling.truncated & known.keys()),
        complete=whole,
        entries=telling.entries,
        token=token,
    )


async def _peek(connection: Connection, slot: Slot, values: Sequence[object]) -> AsyncIterator[list[Any]]:
    """In parts: of whole rows, which are told where a table's identity is all of it, a transaction may be large."""
    statement = await connection.prepare(f"SELECT xid::text::bigint AS xid, data FROM {MESSAGES}")

    async def begin() -> tuple[Any, list[Any]]:
        # The first row is there when all have been decoded: what fails does so here.
        cursor = await statement.cursor(*values)
        return cursor, await cursor.fetch(_FIRST)

    cursor, rows = await when_free(connection, begin, slot)
    while rows:
        yield rows
        size = sum(len(row["data"]) for row in rows) // len(rows)
        rows = await cursor.fetch(max(1, min(_MOST, _PART_BYTES // max(1, size))))


class _Taking:
    """What is told by the messages so far. ``near``: the next transaction's number, of 64 bits.

    ``end``: where the last transaction ends before the first that the snapshot does not see. ``xids`` of those told.
    """

    def __init__(self, registry: Registry, slot: Slot, prefix: str, near: int) -> None:
        self.telling = Telling(registry)
        self.end = slot.confirmed
        self.all_seen = True
        self.xids: list[int] = []
        self._decoder = Decoder(prefix)
        self._near = near
        self._seen: dict[int, bool] = {}
        self._has_changes = False

    async def take(self, connection: Connection, rows: Sequence[Any]) -> None:
        """The next messages."""
        xids = [row["xid"] for row in rows if is_begin(row["data"])]
        if xids:
            asked = [_whole_xid(xid, self._near) for xid in xids]
            visible = await connection.fetch(_VISIBLE, asked)
            self._seen |= {xid: row[1] for xid, row in zip(xids, visible, strict=True)}
        for said in self._decoder.feed((row["xid"], row["data"]) for row in rows):
            if isinstance(said, Commit):
                self._commit(said)
            elif self._seen[said.xid]:
                self._has_changes = True
                if (strange := self.telling.strange(said)) is not None:
                    self.telling.introduce(strange, await connection.fetchval(_ROOT, strange, self.telling.roots))
                self.telling.take(said)

    def finish(self) -> None:
        """There are no more messages."""
        self._decoder.finish()

    def _commit(self, commit: Commit) -> None:
        if not self._seen.pop(commit.xid):
            self.all_seen = False
        elif self.all_seen:
            self.end = commit.end
        if self._has_changes:
            self.xids.append(_whole_xid(commit.xid, self._near))
        self._has_changes = False


def _whole_xid(xid: int, near: int) -> int:
    return near + (xid - near + _HALF) % _WRAP - _HALF


async def guard(connection: Connection, changes: Changes) -> bool:
    """See ``Capture.guard``: asked of each transaction, whatever snapshot ``connection`` has."""
    token = changes.token
    if not isinstance(token, Token) or not token.xids:
        return True
    return all(row[1] for row in await connection.fetch(_VISIBLE, list(token.xids)))


async def ack(ctx: Context, source: Target, name: str, changes: Changes) -> None:
    """See ``Capture.ack``. The slot never goes back, nor beyond what the server has."""
    token = changes.token
    if not isinstance(token, Token):
        return
    async with ctx.connect(source) as connection:
        slot = (await read_installed(connection, name)).slot
        if slot is None or slot.lost or slot.name != token.slot or token.end <= slot.confirmed:
            return
        await when_free(connection, lambda: connection.fetchval(_ADVANCE, slot.name, token.end), slot)
