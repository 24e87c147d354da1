"""All tables, segment by segment in several workers, and then once more the rows that differed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.model import Progress, StepFinished, StepStarted
from confiture.transfer import keep_connections, run_workers
from confiture_schema_to_schema.model import Mismatch, ValidatedTable
from confiture_schema_to_schema.validating.both import both_sides
from confiture_schema_to_schema.validating.comparing import Suspects, UnstableError, compare_segment
from confiture_schema_to_schema.validating.hashing import Hashing, choose_hashing
from confiture_schema_to_schema.validating.rechecking import PAUSES_S, Newer, look_again
from confiture_schema_to_schema.validating.relations import Compared
from confiture_schema_to_schema.validating.segments import SEGMENT_ROWS, Segment, plan_segments
from confiture_schema_to_schema.validating.volatile import RowsDependError, volatile_columns

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.values import Job, TargetTable

__all__ = ["compared_of", "validate_tables"]

_STEP: Final = "schema-to-schema.validate"


class _Found(msgspec.Struct, kw_only=True):
    """What is known of a table so far."""

    compared: Compared
    left_out: tuple[str, ...] = ()
    reason: str | None = None
    segments: int = 0
    source_rows: int = 0
    target_rows: int = 0
    suspects: Suspects = msgspec.field(default_factory=Suspects)
    transient: int = 0
    pending: int = 0
    seconds: float = 0.0


async def validate_tables(
    ctx: Context,
    job: Job,
    *,
    jobs: int | None = None,
    max_keys: int = 20,
    newer: Newer | None = None,
    pauses_s: Sequence[float] = PAUSES_S,
    segment_rows: int = SEGMENT_ROWS,
    hashing: Hashing | None = None,
    keys_only: bool = False,
) -> tuple[ValidatedTable, ...]:
    """Compare ``job.tables``, in their order. Nothing is written on either side.

    ``keys_only``: which rows there are, by their keys, whatever else they hold.
    ``newer`` says for which keys the source has changed since, by what was captured: they are pending, no mismatch.
    ``hashing`` None: what both servers agree about.
    """
    started = time.monotonic()
    validating = _Validating(ctx, job, max_keys, newer, pauses_s, keys_only=keys_only)
    ctx.emit(StepStarted(step=_STEP, label=f"comparing {len(job.tables)} tables"))
    await validating.plan(hashing, segment_rows)
    await validating.compare(jobs)
    await validating.look_again(jobs)
    ctx.emit(StepFinished(step=_STEP, seconds=time.monotonic() - started))
    return tuple(validating.report(table.label) for table in job.tables)


class _Validating:
    def __init__(
        self,
        ctx: Context,
        job: Job,
        max_keys: int,
        newer: Newer | None,
        pauses_s: Sequence[float],
        *,
        keys_only: bool,
    ) -> None:
        self._ctx = ctx
        self._job = job
        self._max_keys = max_keys
        self._newer = newer
        self._pauses_s = pauses_s
        self._keys_only = keys_only
        self._found: dict[str, _Found] = {}
        self._waiting: deque[tuple[_Found, Segment]] = deque()

    async def plan(self, hashing: Hashing | None, segment_rows: int) -> None:
        segments: list[tuple[_Found, Segment]] = []
        async with both_sides(self._ctx, self._job.sides) as both:
            hashing = hashing or await choose_hashing(both.source, both.target)
            for table in self._job.tables:
                found = self._found[table.label] = _compared(table, hashing, keys_only=self._keys_only)
                if found.reason is None:
                    planned = await plan_segments(both.target, found.compared, self._job.old, segment_rows=segment_rows)
                    found.segments = len(planned)
                    segments += [(found, segment) for segment in planned]
        segments.sort(key=lambda each: each[1].estimated_rows, reverse=True)
        self._waiting.extend(segments)

    async def compare(self, jobs: int | None) -> None:
        total, done = len(self._waiting), 0

        async def work() -> None:
            nonlocal done
            async with keep_connections(self._ctx) as ctx:
                while self._waiting:
                    found, segment = self._waiting.popleft()
                    with _looking(found):
                        await self._compare(ctx, found, segment)
                    done += 1
                    ctx.emit(Progress(step=_STEP, done=done, total=total, unit="segments"))

        await run_workers(jobs, total, work)

    async def _compare(self, ctx: Context, found: _Found, segment: Segment) -> None:
        async with both_sides(ctx, self._job.sides, segment.settings) as both:
            outcome = await compare_segment(both, found.compared, segment)
        found.source_rows += outcome.source_rows
        found.target_rows += outcome.target_rows
        found.suspects.add(outcome.suspects.keys)
        found.suspects.more += outcome.suspects.more
        found.suspects.at_least |= outcome.suspects.at_least

    async def look_again(self, jobs: int | None) -> None:
        waiting = deque(found for found in self._found.values() if found.reason is None and found.suspects.keys)

        async def work() -> None:
            async with keep_connections(self._ctx) as ctx:
                while waiting:
                    found = waiting.popleft()
                    with _looking(found):
                        await self._look_again(ctx, found)

        await run_workers(jobs, len(waiting), work)

    async def _look_again(self, ctx: Context, found: _Found) -> None:
        before = found.suspects.keys
        left, pending = await look_again(ctx, self._job.sides, found.compared, before, self._pauses_s, self._newer)
        found.transient = sum(rows for key, (_, rows) in before.items() if key not in left)
        found.pending = sum(rows for key, (_, rows) in left.items() if key in pending)
        found.suspects.keys = {key: differing for key, differing in left.items() if key not in pending}

    def report(self, label: str) -> ValidatedTable:
        found = self._found[label]
        named = sorted(found.suspects.keys.items(), key=lambda each: (len(each[0]), each[0]))
        return ValidatedTable(
            table=label,
            source_rows=found.source_rows,
            target_rows=found.target_rows,
            segments=found.segments,
            differing=found.suspects.rows,
            mismatches=tuple(Mismatch(key=key, how=how) for key, (how, _) in named[: self._max_keys])
            if found.compared.key
            else (),
            at_least=found.suspects.at_least,
            transient=found.transient,
            pending=found.pending,
            left_out=found.left_out,
            not_comparable=found.reason,
            hash=found.compared.hashing.name,
            seconds=found.seconds,
        )


def compared_of(table: TargetTable, hashing: Hashing) -> tuple[Compared, str | None]:
    """What of a table is compared, and why nothing is."""
    found = _compared(table, hashing, keys_only=False)
    return found.compared, found.reason


def _compared(table: TargetTable, hashing: Hashing, *, keys_only: bool) -> _Found:
    left_out: set[str] = set()
    reason = None
    for part in table.parts:
        try:
            left_out |= {*volatile_columns(part), *part.given}
        except RowsDependError:
            reason = f"what the map gives of {part.source} depends on {', '.join(part.volatile)}"
    columns = tuple(name for name in table.columns if name not in left_out and (name in table.key or not keys_only))
    if not columns and table.columns:
        reason = "each of its columns has another value each time"
    return _Found(
        compared=Compared(
            table=table,
            hashing=hashing,
            columns=columns,
            key=table.key if set(table.key) <= set(columns) else (),
        ),
        left_out=tuple(sorted(left_out)),
        reason=reason,
    )


@contextmanager
def _looking(found: _Found) -> Iterator[None]:
    """What the servers cannot do is told by its name, without its words: they may hold a value."""
    import asyncpg

    started = time.monotonic()
    try:
        yield
    except UnstableError:
        found.reason = "its query gives other rows each time"
    except (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError):
        raise
    except asyncpg.PostgresError as error:
        found.reason = f"it could not be read: {type(error).__name__} ({error.sqlstate})"
    finally:
        found.seconds += time.monotonic() - started
