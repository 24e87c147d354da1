"""Reading the log, acknowledging what was read, and measuring what waits."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from confiture.model import Backlog, Changes
from confiture_triggers.naming import find_home, need_home
from confiture_triggers.verifying import read_registered

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["Token", "ack", "backlog", "drained", "poll", "tally"]

#: In no order: what a row holds is read anew, so that any part of the log will do.
_TAKE = """
WITH taken AS MATERIALIZED (SELECT ctid AS place, seq, rel, before, after FROM {log} LIMIT $1),
spans AS (
    SELECT min(seq) AS first, max(seq) AS last, count(*) AS entries, min(place) AS low, max(place) AS high
      FROM (SELECT seq, place, seq - row_number() OVER (ORDER BY seq) AS span FROM taken) AS s GROUP BY span
),
distinct_rows AS MATERIALIZED (
    SELECT rel, before AS told FROM taken WHERE before IS NOT NULL
    UNION SELECT rel, after FROM taken WHERE after IS NOT NULL
    UNION SELECT rel, NULL FROM taken WHERE before IS NULL AND after IS NULL
),
many AS (SELECT rel FROM distinct_rows GROUP BY rel HAVING count(*) > $2)
SELECT rel, told, NULL::bigint[] AS firsts, NULL::bigint[] AS lasts,
       NULL::bigint AS entries, NULL::text AS low, NULL::text AS high
  FROM (SELECT rel, told FROM distinct_rows WHERE rel NOT IN (SELECT rel FROM many)
        UNION ALL SELECT rel, NULL FROM many) AS rows_or_none
UNION ALL
SELECT NULL, NULL, array_agg(first), array_agg(last), sum(entries)::bigint, min(low)::text, max(high)::text FROM spans
"""
#: A table of which more rows are to be told is told as emptied: all of it is read again, and no list of them is held.
_MOST_ROWS = 1_000_000
#: By number, each of which is given once; the places only say where to look.
_ACK = """
DELETE FROM {log} AS l
 USING (SELECT generate_series(s.first, s.last) AS seq FROM unnest($1::bigint[], $2::bigint[]) AS s(first, last)) AS r
 WHERE l.seq = r.seq AND l.ctid >= $3::text::tid AND l.ctid <= $4::text::tid
"""
#: A log that is larger is measured by a sample of its pages.
_MEASURED_BYTES = 32 * 1024 * 1024
_SIZE = "SELECT pg_catalog.pg_relation_size($1::oid)"
_BACKLOG = """
SELECT count(*), coalesce(sum(pg_catalog.pg_column_size(l.*)), 0)::bigint,
       coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - min(l.at)), 0)::float8
  FROM {log} AS l TABLESAMPLE SYSTEM ($1)
"""

_TALLY = "SELECT rel, count(*) AS n FROM {log} GROUP BY rel"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that were read, as spans, in which log, and between which places of it."""

    log_oid: int
    firsts: tuple[int, ...]
    lasts: tuple[int, ...]
    low: str
    high: str


async def poll(connection: Connection, name: str, *, limit: int | None = None) -> Changes:
    """See ``Capture.poll``."""
    home = await need_home(connection, name)
    registered = {known.number: known for known in (await read_registered(connection, home)).values()}
    *rows, taken = await connection.fetch(_TAKE.format(log=home.log), limit, _MOST_ROWS)
    told: defaultdict[str, list[tuple[str | None, ...]]] = defaultdict(list)
    truncated = set()
    for row in rows:
        known = registered.get(row["rel"])
        if known is None:
            continue  # it is captured no more
        if row["told"] is None or len(row["told"]) != len(known.columns):
            truncated.add(known.label)
        else:
            told[known.label].append(tuple(row["told"]))
    entries = taken["entries"] or 0
    token = None
    if entries:
        token = Token(
            log_oid=home.log_oid or 0,
            firsts=tuple(taken["firsts"]),
            lasts=tuple(taken["lasts"]),
            low=taken["low"],
            high=taken["high"],
        )
    return Changes(
        rows={label: tuple(values) for label, values in told.items()},
        truncated=frozenset(truncated),
        complete=limit is None or entries < limit,
        entries=entries,
        token=token,
    )


async def ack(ctx: Context, source: Target, name: str, changes: Changes) -> None:
    """See ``Capture.ack``. Of a log that has been made anew since, nothing is taken: its numbers begin again."""
    token = changes.token
    if not isinstance(token, Token):
        return
    async with ctx.connect(source) as connection, ctx.transaction(connection):
        home = await find_home(connection, name)
        if home is None or home.log_oid != token.log_oid:
            return
        # The log's statistics are always out of date, and a nested loop would never end.
        await connection.execute("SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off")
        await connection.execute(
            _ACK.format(log=home.log), list(token.firsts), list(token.lasts), token.low, token.high
        )


async def backlog(connection: Connection, name: str) -> Backlog:
    """See ``Capture.backlog``: exact up to 32 MB, then a sample of so many pages."""
    home = await need_home(connection, name)
    size = await connection.fetchval(_SIZE, home.log_oid)
    share = min(1.0, _MEASURED_BYTES / size) if size else 1.0
    entries, bytes_, age_s = await connection.fetchrow(_BACKLOG.format(log=home.log), share * 100)
    return Backlog(entries=round(entries / share), bytes=round(bytes_ / share), age_s=max(0.0, age_s))


async def drained(connection: Connection, name: str) -> bool:
    """See ``Capture.drained``."""
    home = await need_home(connection, name)
    return not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {home.log})")


async def tally(connection: Connection, name: str) -> dict[str, int]:
    """See ``CountingCapture.tally``."""
    home = await need_home(connection, name)
    counts = {row["rel"]: row["n"] for row in await connection.fetch(_TALLY.format(log=home.log))}
    return {known.label: counts.get(known.number, 0) for known in (await read_registered(connection, home)).values()}
