"""Peeking into the slot, telling what the snapshot sees of it, and acknowledging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.model import Changes
from confiture_slot.peeking import MESSAGES, arguments, flush, prefix_of, when_free
from confiture_slot.pgoutput import Transaction, decode
from confiture_slot.registry import need_installed, read_installed
from confiture_slot.telling import Telling, relations_of

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

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
_ROOTS = """
SELECT u.oid, r.relid::oid AS root
  FROM unnest($1::oid[]) AS u(oid), pg_catalog.pg_partition_ancestors(u.oid::regclass) AS r(relid)
 WHERE r.relid::oid = ANY ($2::oid[])
"""
_ADVANCE = """
SELECT pg_catalog.pg_replication_slot_advance(s.slot_name, '0/0'::pg_lsn + $2::bigint)
  FROM pg_catalog.pg_replication_slots s
 WHERE s.slot_name = $1 AND s.confirmed_flush_lsn < '0/0'::pg_lsn + $2::bigint
"""
#: WAL of others' tables is acknowledged once it is so much: it is decoded again by each poll until then.
_WORTH_BYTES = 256 * 1024
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
    rows = await when_free(connection, lambda: _peek(connection, arguments(slot, name, limit=limit)), slot)
    whole = limit is None or len(rows) < limit
    transactions = list(decode(((row["xid"], row["data"]) for row in rows), prefix_of(name)))
    seen, end = await _seen(connection, transactions, slot.confirmed)
    if whole and len(seen) == len(transactions):
        end = max(end, flushed)
    roots = await _roots(connection, seen, [known.relation for known in registry.tables])
    telling = Telling(registry, roots)
    for _, transaction in seen:
        for change in transaction.changes:
            telling.take(change)
    if telling.faults and not whole:
        return await poll(connection, name)  # what mends them may come later
    telling.check()
    known = registry.by_label()
    token = None
    if end > slot.confirmed and (telling.entries or end - slot.confirmed > _WORTH_BYTES or not whole):
        token = Token(slot=slot.name, end=end, xids=tuple(xid for xid, transaction in seen if transaction.changes))
    return Changes(
        rows={label: tuple(told) for label, told in telling.rows.items()},
        truncated=frozenset(telling.truncated & known.keys()),
        complete=whole,
        entries=telling.entries,
        token=token,
    )


async def _peek(connection: Connection, values: Sequence[object]) -> list[Any]:
    return await connection.fetch(f"SELECT xid::text::bigint AS xid, data FROM {MESSAGES}", *values)


async def _seen(
    connection: Connection, transactions: Sequence[Transaction], confirmed: int
) -> tuple[list[tuple[int, Transaction]], int]:
    """Those that the snapshot sees, with their whole numbers, and where the first of the others begins, or later."""
    if not transactions:
        return [], confirmed
    next_xid = await connection.fetchval(_NEXT_XID)
    xids = [_whole_xid(transaction.xid, next_xid) for transaction in transactions]
    visible = [row[1] for row in await connection.fetch(_VISIBLE, xids)]
    first = visible.index(False) if False in visible else len(transactions)
    seen = [(xid, each) for xid, each, sees in zip(xids, transactions, visible, strict=True) if sees]
    return seen, transactions[first - 1].end if first else confirmed


def _whole_xid(xid: int, near: int) -> int:
    return near + (xid - near + _HALF) % _WRAP - _HALF


async def _roots(
    connection: Connection, seen: Sequence[tuple[int, Transaction]], roots: Sequence[int]
) -> dict[int, int]:
    changed = relations_of(transaction for _, transaction in seen).difference(roots)
    if not changed:
        return {}
    return {row["oid"]: row["root"] for row in await connection.fetch(_ROOTS, sorted(changed), list(roots))}


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
