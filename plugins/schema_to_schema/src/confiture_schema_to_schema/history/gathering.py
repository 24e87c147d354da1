"""Reads what both databases remember of a migration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

from confiture.errors import ConfitureError
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.crossing.state import crossings_of
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.history.values import History, LagSample, RateSample, Span
from confiture_schema_to_schema.validating.recording import validations_of

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.crossing.state import CrossingRecord
    from confiture_schema_to_schema.model import StatusReport
    from confiture_schema_to_schema.validating.recording import Validation
    from confiture_schema_to_schema.values import Sides

__all__ = ["gather"]

#: As many samples as a plot has room for; of days of them the worst of each time are shown.
_SAMPLES: Final = 240

# A chunk's rows are spread over the time that it took.
_RATES = """
WITH done AS (
    SELECT rows, bytes, extract(epoch FROM finished)::double precision AS until, greatest(seconds, 0.001) AS seconds
      FROM {chunks} WHERE run_id = $1 AND xid IS NOT NULL AND finished IS NOT NULL
), range AS (
    SELECT pg_catalog.min(until - seconds) AS since,
           greatest((pg_catalog.max(until) - pg_catalog.min(until - seconds)) / $2::integer, 0.001) AS width FROM done
), bins AS (
    SELECT since + n * width AS a, since + (n + 1) * width AS b, width
      FROM range, pg_catalog.generate_series(0, $2::integer - 1) AS n WHERE since IS NOT NULL
)
SELECT pg_catalog.to_timestamp((a + b) / 2) AS at,
       coalesce(pg_catalog.sum(d.rows * share), 0)::double precision / width AS rows,
       coalesce(pg_catalog.sum(d.bytes * share), 0)::double precision / width AS bytes
  FROM bins LEFT JOIN LATERAL (
       SELECT rows, bytes, (least(b, until) - greatest(a, until - seconds)) / seconds AS share
         FROM done WHERE until > a AND until - seconds < b) AS d ON true
 GROUP BY a, b, width ORDER BY 1
"""
_COPIED = """
SELECT pg_catalog.min(finished - pg_catalog.make_interval(secs => seconds)) AS since, pg_catalog.max(finished) AS until
  FROM {chunks} WHERE run_id = $1 AND xid IS NOT NULL
"""
_LAGS = """
WITH range AS (
    SELECT pg_catalog.min(at) AS since,
           greatest(extract(epoch FROM pg_catalog.max(at) - pg_catalog.min(at)) / $2::integer, 0.001) AS width
      FROM {lags} WHERE run_id = $1
)
SELECT pg_catalog.max(at) AS at, pg_catalog.max(lag_s) AS seconds, pg_catalog.max(backlog_entries) AS entries
  FROM {lags}, range WHERE run_id = $1
 GROUP BY pg_catalog.floor(extract(epoch FROM at - since) / width) ORDER BY 1
"""


async def gather(ctx: Context, sides: Sides, status: StatusReport) -> History:
    """Everything that is known of the run of ``status``. ``sides`` as :func:`.status.live.find_again` says.

    The old database may be gone, or out of reach: then what was followed back to it is missing.
    """
    state, run_id = state_of(ctx), status.run_id
    async with ctx.connect(sides.target) as connection:
        copied = await connection.fetchrow(_COPIED.format(chunks=state.chunks), run_id)
        rates = tuple(
            RateSample(at=row["at"], rows=row["rows"], bytes=row["bytes"])
            for row in await connection.fetch(_RATES.format(chunks=state.chunks), run_id, _SAMPLES // 4)
        )
        lags = await _read_lags(ctx, connection, run_id, "new")
        validations = await validations_of(ctx).all(connection, run_id)
        crossings = await crossings_of(ctx).all(connection, run_id)
        now: dt.datetime = await connection.fetchval("SELECT pg_catalog.clock_timestamp()")
    if crossings:
        try:
            async with ctx.connect(sides.source) as connection:
                lags = sorted([*lags, *await _read_lags(ctx, connection, run_id, "old")], key=lambda sample: sample.at)
        except ConfitureError:
            pass
    return History(
        status=status,
        made=now,
        spans=(*_copy_spans(status, copied, now), *_follow_spans(lags), *_later_spans(validations, crossings, now)),
        rates=rates,
        lags=tuple(lags),
        validations=validations,
        crossings=crossings,
    )


async def _read_lags(ctx: Context, connection: Connection, run_id: str, to: Literal["old", "new"]) -> list[LagSample]:
    name = follow_state_of(ctx).lags
    if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", name) is None:
        return []
    rows = await connection.fetch(_LAGS.format(lags=name), run_id, _SAMPLES)
    return [LagSample(at=row["at"], seconds=row["seconds"], entries=row["entries"], to=to) for row in rows]


def _copy_spans(status: StatusReport, copied: Any, now: dt.datetime) -> Iterator[Span]:
    since, until = copied["since"], copied["until"]
    if since is None:
        return
    still = status.phase in ("preparing", "copying")
    yield Span(lane="Copy", kind="copy", label="rows are copied", start=since, end=now if still else until)
    if not still:
        end = status.finished or now
        if end > until:
            yield Span(lane="Indexes and keys", kind="index", label="indexes and keys", start=until, end=end)


def _follow_spans(lags: list[LagSample]) -> Iterator[Span]:
    for to, label in (("new", "the new database follows"), ("old", "the old database follows")):
        times = [sample.at for sample in lags if sample.to == to]
        if times:
            yield Span(lane="Follow", kind="follow", label=label, start=times[0], end=times[-1])


def _later_spans(
    validations: tuple[Validation, ...], crossings: tuple[CrossingRecord, ...], now: dt.datetime
) -> Iterator[Span]:
    for each in validations:
        if each.at is not None:
            label = "equal" if each.clean else f"{each.differing:,} differing"
            start = each.at - dt.timedelta(seconds=each.seconds)
            yield Span(lane="Validate", kind="validate", label=label, start=start, end=each.at)
    for crossing in crossings:
        if crossing.started is not None:
            lane = crossing.direction.capitalize()
            label = crossing.outcome or "not ended"
            end = crossing.finished or now
            yield Span(lane=lane, kind=crossing.direction, label=label, start=crossing.started, end=end)
