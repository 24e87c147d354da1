"""The state on the target, as somebody finds it who is not the process that writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.locks import is_locked, is_pooled
from confiture_schema_to_schema.copying.beating import BEAT_S
from confiture_schema_to_schema.sides import lock_name

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.copying.records import RunRecord
    from confiture_schema_to_schema.copying.state import State
    from confiture_schema_to_schema.model import TableStatus
    from confiture_schema_to_schema.values import Sides

__all__ = ["is_running", "read_rates", "read_tables"]

#: A process that has shown no sign of life for so long is stopped, cut off, or gone.
_SILENT_S = 15 * BEAT_S
#: What rates are of.
_WINDOW_S = 60.0

_TABLES = """
SELECT p.part, p.target, p.source, p.engine, p.indexed, p.estimated_rows AS of_part, p.planned,
       pg_catalog.count(c.number) AS chunks, pg_catalog.count(c.xid) AS chunks_done,
       coalesce(pg_catalog.sum(c.rows), 0)::bigint AS rows, coalesce(pg_catalog.sum(c.bytes), 0)::bigint AS bytes,
       coalesce(pg_catalog.sum(c.seconds), 0)::double precision AS seconds,
       coalesce(pg_catalog.sum(c.estimated_rows) FILTER (WHERE c.xid IS NULL), 0)::bigint AS left_rows
  FROM {parts} p LEFT JOIN {chunks} c USING (run_id, part)
 WHERE p.run_id = $1 GROUP BY p.run_id, p.part ORDER BY p.target, p.part
"""
# A chunk that began before the window counts by its share of it.
_RATES = """
WITH done AS (
    SELECT rows, bytes, greatest(seconds, 0.001) AS seconds,
           extract(epoch FROM pg_catalog.clock_timestamp() - finished)::double precision AS ago
      FROM {chunks} WHERE run_id = $1 AND finished > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2)
), seen AS (
    SELECT rows, bytes, ago + seconds AS since, (least(ago + seconds, $2) - ago) / seconds AS share FROM done
)
SELECT coalesce(pg_catalog.sum(rows * share), 0)::double precision AS rows,
       coalesce(pg_catalog.sum(bytes * share), 0)::double precision AS bytes,
       coalesce(pg_catalog.max(least(since, $2)), 0)::double precision AS seconds
  FROM seen
"""


async def is_running(ctx: Context, sides: Sides, run: RunRecord) -> bool:
    """Whether a process is at work now: it has the lock (where there are locks), and shows signs of life."""
    if run.finished is not None or run.beat_s is None or run.beat_s > _SILENT_S:
        return False
    async with ctx.connect_maintenance(sides.target) as connection:
        return await is_pooled(connection) or await is_locked(connection, lock_name(sides))


async def read_tables(
    connection: Connection, state: State, run: RunRecord, *, running: bool
) -> tuple[TableStatus, ...]:
    """All parts. What is under way counts while somebody is at it."""
    from confiture_schema_to_schema.model import TableStatus

    rows = await connection.fetch(_TABLES.format(parts=state.parts, chunks=state.chunks), run.run_id)
    found = []
    for row in rows:
        moving = run.under_way.get(str(row["part"])) if running else None
        done = row["planned"] and row["chunks_done"] == row["chunks"]
        begun = bool(row["chunks_done"]) or moving is not None
        now = row["rows"] + (moving[0] if moving else 0)
        estimated = row["rows"] + row["left_rows"] if row["planned"] else row["of_part"]
        found.append(
            TableStatus(
                table=row["target"],
                source=row["source"],
                engine=row["engine"],
                state="indexed" if row["indexed"] and done else "copied" if done else "copying" if begun else "waiting",
                rows=now,
                estimated_rows=max(estimated, now),
                bytes=row["bytes"] + (moving[1] if moving else 0),
                chunks_done=row["chunks_done"],
                chunks=max(row["chunks"], 1),
                seconds=row["seconds"] + (moving[2] if moving else 0.0),
            )
        )
    return tuple(found)


async def read_rates(connection: Connection, state: State, run: RunRecord) -> tuple[float, float] | None:
    """Rows and bytes a second, over the last minute; None where nothing was copied in it."""
    row = await connection.fetchrow(_RATES.format(chunks=state.chunks), run.run_id, _WINDOW_S)
    seconds, rows, size = row["seconds"], row["rows"], row["bytes"]
    for moved, moved_bytes, since in run.under_way.values():
        share = min(1.0, _WINDOW_S / since) if since else 1.0
        rows, size, seconds = rows + moved * share, size + moved_bytes * share, max(seconds, min(since, _WINDOW_S))
    return (rows / seconds, size / seconds) if rows and seconds else None
