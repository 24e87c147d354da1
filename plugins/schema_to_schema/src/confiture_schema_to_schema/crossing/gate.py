"""What has to be so before anything is locked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import anyio

from confiture.errors import Busy, Refused
from confiture.sides import shown_side
from confiture_schema_to_schema.capturing import capture_of, check_way_back, explained, verify
from confiture_schema_to_schema.following.batches import Follower
from confiture_schema_to_schema.following.loosening import loosened_of

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context, Switch
    from confiture_schema_to_schema.crossing.ways import Way

__all__ = ["QUICK_S", "check_gate", "check_switch", "come_near", "stamp"]

#: A batch that takes less leaves most of a pause of a second to the rest.
QUICK_S: Final = 0.3
_QUICK_BATCHES: Final = 3
#: For so long it is tried to come near: a side that writes faster than its changes are applied would never let it.
_PATIENCE_S: Final = 60.0
#: Above this a batch is taken in parts.
_LARGE: Final = 20_000
#: A transaction that has written for so long is not over in a moment.
_LONG_S: Final = 1.0
#: So long they are waited for: nobody waits for us yet, and most are over by then.
_LONG_PATIENCE_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.1

_LONG = """
WITH RECURSIVE part AS (
    SELECT pg_catalog.to_regclass(t.sql)::oid AS oid FROM unnest($1::text[]) AS t(sql)
    UNION
    SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid
)
SELECT DISTINCT l.pid, coalesce(nullif(a.application_name, ''), a.usename::text, '?') AS name,
       extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::double precision AS seconds,
       l.virtualtransaction AS number
  FROM pg_catalog.pg_locks l JOIN part ON part.oid = l.relation
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.granted AND l.mode <> ALL ($3::text[])
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
   AND (l.pid IS NULL OR a.backend_type = 'client backend'
        AND a.xact_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2)
        -- Of another role's sessions, without pg_read_all_stats: all else is NULL.
        OR a.usename IS NOT NULL AND a.backend_type IS NULL)
 ORDER BY 1
"""
_PREPARED = "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY 1"
_NOT_VALID = """
SELECT n.nspname::text AS schema, c.relname::text AS table, k.conname::text AS name
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND NOT k.convalidated
   AND k.conrelid IN (SELECT pg_catalog.to_regclass(t.sql)::oid FROM unnest($1::text[]) AS t(sql)) ORDER BY 1, 2, 3
"""

# Who applies what a publication sends fires no triggers for statements: nothing would close these tables for it.
_SUBSCRIBED = """
WITH RECURSIVE part AS (
    SELECT pg_catalog.to_regclass(t.sql)::oid AS oid FROM unnest($1::text[]) AS t(sql)
    UNION
    SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid
)
SELECT s.subname::text AS name, n.nspname || '.' || c.relname AS table
  FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
  JOIN part ON part.oid = r.srrelid JOIN pg_catalog.pg_class c ON c.oid = r.srrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE s.subenabled ORDER BY 1, 2
"""

# Every change of a definition writes a row anew; what fills it in place, such as ANALYZE, does not.
_STAMP = """
WITH RECURSIVE part AS (
    SELECT pg_catalog.to_regclass(t.sql)::oid AS oid FROM unnest($1::text[]) AS t(sql)
    UNION
    SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid
)
SELECT pg_catalog.md5(pg_catalog.string_agg(v.what, ' ' ORDER BY v.what)) FROM (
    SELECT 'a' || a.attrelid || '.' || a.attnum || '.' || a.xmin AS what
      FROM pg_catalog.pg_attribute a JOIN part ON part.oid = a.attrelid
    UNION ALL SELECT 'i' || i.indexrelid || '.' || i.xmin
      FROM pg_catalog.pg_index i JOIN part ON part.oid = i.indrelid
    UNION ALL SELECT 't' || t.oid || '.' || t.xmin
      FROM pg_catalog.pg_trigger t JOIN part ON part.oid = t.tgrelid
    UNION ALL SELECT 'c' || c.oid || '.' || c.relname || '.' || c.relnamespace
      FROM pg_catalog.pg_class c JOIN part ON part.oid = c.oid) AS v
"""


async def stamp(connection: Connection, way: Way) -> str:
    """Equal as long as nobody has altered a table that is captured, or its triggers, keys and partitions."""
    found: str = await connection.fetchval(_STAMP, [table.sql for table in way.watch.tables])
    return found


async def check_gate(ctx: Context, way: Way) -> None:
    """Raise ``CaptureBroken``, ``Refused`` or ``Busy``, naming what is in the way. Nothing is changed."""
    await verify(ctx, way.job, way.watch)
    if way.back_watch is not None:
        await check_way_back(ctx, way.back_watch.capture, way.other, way.back_watch.tables)
    async with ctx.connect(way.live) as connection:
        await _refuse_subscribed(connection, way)
        await _refuse_long(connection, way.live, way.closed_there(), "write in", ("AccessShareLock",))
    async with ctx.connect(way.other) as connection:
        # Constraints that are put back wait for those who read, too.
        await _refuse_long(connection, way.other, way.closed_here(), "use", ())
        # What following has replaced is put back, and validated then.
        loose = {(each.schema, each.table, each.name) for each in await loosened_of(ctx).read(connection)}
        rows = await connection.fetch(_NOT_VALID, list(way.closed_here()))
    keys = sorted({(row["schema"], row["table"], row["name"]) for row in rows} - loose)
    found = [f"{name} of {schema}.{table}" for schema, table, name in keys]
    if found and way.direction == "cutover":  # those of the old database are its owner's own
        raise Refused(
            f"foreign keys of {shown_side(way.other)!r} are not validated: {', '.join(found)}",
            hint="ALTER TABLE ... VALIDATE CONSTRAINT ... does that; `confiture migrate schema-to-schema resume` where "
            "it was begun and not finished",
        )


async def _refuse_subscribed(connection: Connection, way: Way) -> None:
    rows = await connection.fetch(_SUBSCRIBED, list(way.closed_there()))
    if rows:
        named = ", ".join(f"{row['name']!r} ({row['table']})" for row in rows)
        raise Refused(
            f"subscriptions write to tables of {shown_side(way.live)!r}, and would go on when it is closed: {named}",
            hint="have their changes sent to the other database from then on; here, ALTER SUBSCRIPTION ... DISABLE "
            "when all has come that is to come",
        )


async def _refuse_long(
    connection: Connection, side: Target, tables: Sequence[str], do: str, harmless: Sequence[str]
) -> None:
    shown = shown_side(side)
    arguments = list(tables), _LONG_S, list(harmless)
    rows = await connection.fetch(_LONG, *arguments)
    # How long these have been open nobody tells this role: those that come later may be open for a moment only.
    before = {row["number"] for row in rows}
    deadline = time.monotonic() + _LONG_PATIENCE_S
    while rows and all(row["pid"] is not None for row in rows) and time.monotonic() < deadline:
        await anyio.sleep(_LOOK_EVERY_S)
        found = await connection.fetch(_LONG, *arguments)
        rows = [row for row in found if row["pid"] is None or row["seconds"] is not None or row["number"] in before]
    if any(row["pid"] is None for row in rows):
        prepared = [row["gid"] for row in await connection.fetch(_PREPARED)]
        raise Busy(
            f"prepared transactions hold tables of {shown!r}: {', '.join(map(repr, prepared))}",
            hint="COMMIT PREPARED or ROLLBACK PREPARED them: nobody can say when they end by themselves",
        )
    if rows:
        raise Busy(
            f"transactions that {do} {shown!r} have been open for long: {', '.join(map(_session, rows))}",
            hint="wait until they end, or end them with pg_terminate_backend(); everybody else would wait for them",
        )


def _session(row: Any) -> str:
    lasted = f", {row['seconds']:.0f} s" if row["seconds"] is not None else ""
    return f"process {row['pid']} ({row['name']}{lasted})"


async def check_switch(ctx: Context, switch: Switch, old: Target, new: Target) -> None:
    """Raise ``Refused`` with all that the switch finds in its way."""
    errors = [finding for finding in await switch.preflight(ctx, old, new) if finding.level == "error"]
    if errors:
        hints = list(dict.fromkeys(finding.hint for finding in errors if finding.hint))
        raise Refused("; ".join(finding.message for finding in errors), hint="; ".join(hints) or None)


async def come_near(ctx: Context, way: Way, epoch: int) -> Sequence[float]:
    """Catch up until a batch of everything is quick, several times in a row; what those took.

    Raises ``Busy`` where more is written than can be applied: nothing was locked.
    """
    capture = capture_of(ctx, way.watch)
    follower = Follower(ctx, way.job, way.watch, epoch, way.recent)
    deadline = time.monotonic() + _PATIENCE_S
    quick: list[float] = []
    while len(quick) < _QUICK_BATCHES:
        async with ctx.connect(way.live) as connection:
            with explained(way.job, way.watch):
                backlog = await capture.backlog(connection, way.watch.name)
        strict = backlog.entries <= _LARGE
        batch = await follower.batch(strict=strict, refresh=strict)
        quick = [*quick, batch.seconds] if batch.strict and batch.seconds < QUICK_S else []
        if time.monotonic() > deadline and not quick:
            raise Busy(
                f"{backlog.entries} changes of {shown_side(way.live)!r} wait to be brought over, and a batch of them "
                f"takes {batch.seconds:.1f} s: a cutover would take long",
                hint="let `confiture migrate schema-to-schema follow` catch up, and try again when less is written",
            )
    return quick
