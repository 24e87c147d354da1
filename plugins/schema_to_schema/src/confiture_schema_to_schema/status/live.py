"""What comes after the copy: how far behind the other side is, which cutovers there were, and which side is live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from confiture.errors import CaptureBroken, ConfitureError, DatabaseConnectionError, DatabaseNotFound
from confiture.hooks import CAPTURE
from confiture.locks import is_locked, is_pooled
from confiture_schema_to_schema.copying.beating import BEAT_S
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.crossing.losing import count_losses, loss_name
from confiture_schema_to_schema.crossing.places import live_side, locate, read_place
from confiture_schema_to_schema.crossing.state import crossings_of
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.model import CrossingStatus, FollowStatus, LostTable
from confiture_schema_to_schema.sides import lock_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.records import RunRecord
    from confiture_schema_to_schema.crossing.state import CrossingRecord
    from confiture_schema_to_schema.following.state import FollowRecord
    from confiture_schema_to_schema.values import Sides

__all__ = ["After", "find_again", "read_after"]

#: Who follows shows a sign of life at each look at the log; who has not for so long is stopped, cut off, or gone.
_SILENT_S = 15 * BEAT_S


class After(msgspec.Struct, frozen=True, kw_only=True):
    """As the fields of :class:`.model.StatusReport` of these names."""

    live: Literal["old", "new"] | None = "old"
    following: FollowStatus | None = None
    crossings: tuple[CrossingStatus, ...] = ()
    losses: tuple[LostTable, ...] = ()
    held: bool = False

    @property
    def running(self) -> bool:
        """Whether a process is at work on any of it; one that is about to cross has nothing to show for it yet."""
        crossing = any(each.running for each in self.crossings)
        return bool(self.following and self.following.running) or crossing or self.held


async def find_again(ctx: Context, sides: Sides) -> Sides:
    """Both databases, where a cutover may have given them other names.

    The old one is not asked where the new one has the name that it had: who watches may not reach it.
    """
    try:
        async with ctx.connect(sides.target) as connection:
            if await state_of(ctx).latest(connection) is not None:
                last = await crossings_of(ctx).last(connection)
                if last is None or last.new == await read_place(connection):
                    return sides
    except DatabaseNotFound:
        pass
    try:
        return await locate(ctx, sides)
    except DatabaseConnectionError:
        return sides  # nobody knows of a cutover: it is as the names say


async def read_after(ctx: Context, sides: Sides, run: RunRecord) -> After:
    """What is known of ``run`` beyond its copy. ``sides`` as :func:`find_again` says."""
    async with ctx.connect(sides.target) as connection:
        records = await crossings_of(ctx).all(connection, run.run_id)
        forward = await follow_state_of(ctx).read(connection, run.run_id)
    crossings = tuple([await _crossing(ctx, sides, record) for record in records])
    live: Literal["old", "new"] | None = "old"
    back: FollowRecord | None = None
    if records:
        try:
            live = await live_side(ctx, sides)
            last = _last_cutover(records)
            # A rollback before it may have left a record of following that this cutover has no capture for.
            if live == "new" and last is not None and last.back_name is not None:
                back = await _back(ctx, sides, run.run_id)
        except ConfitureError:
            live = None
    record = back if live == "new" else forward
    taking = sides.source if live == "new" else sides.target
    following = await _following(ctx, sides, taking, record) if record is not None else None
    # Where a process brings changes over, it looks by itself, and nobody is to be in its way.
    held = run.finished is not None and await _held(ctx, sides, lock_name(sides))
    alone = held is False
    if record is not None and following is not None and live is not None and (alone or run.finished is None):
        following = await _measured(ctx, sides.target if live == "new" else sides.source, record, following)
    return After(
        live=live,
        following=following,
        crossings=crossings,
        losses=await _losses(ctx, sides, records) if live == "new" else (),
        held=held is True,
    )


def _last_cutover(records: Sequence[CrossingRecord]) -> CrossingRecord | None:
    """The one that a rollback would undo."""
    done = [each for each in records if each.direction == "cutover" and each.outcome != "given up"]
    return done[-1] if done else None


async def _losses(ctx: Context, sides: Sides, records: Sequence[CrossingRecord]) -> tuple[LostTable, ...]:
    """What a rollback would lose, by the cutover that it would undo."""
    last = _last_cutover(records)
    if last is None or not last.lost:
        return ()
    return await count_losses(ctx, sides.target, last.capture, loss_name(last.capture_name), last.lost)


async def _back(ctx: Context, sides: Sides, run_id: str) -> FollowRecord | None:
    """What is brought back to the old database; None where nothing is, or it was dropped."""
    try:
        async with ctx.connect(sides.source) as connection:
            return await follow_state_of(ctx).read(connection, run_id)
    except DatabaseNotFound:
        return None


async def _following(ctx: Context, sides: Sides, side: Target, record: FollowRecord) -> FollowStatus:
    """``side`` takes the changes."""
    alive = record.beat_s is not None and record.beat_s <= _SILENT_S
    if not alive and record.beat_s is not None:
        async with ctx.connect(side) as connection:
            alive = await follow_state_of(ctx).is_at_it(connection, record.application)
    return FollowStatus(
        capture=record.capture,
        running=alive and await _is_held(ctx, sides, lock_name(sides)),
        caught_up=record.caught_up,
        batches=record.batches,
        entries=record.entries,
        keys=record.keys,
        lag_seconds=record.lag_s,
        backlog_entries=record.backlog_entries,
        backlog_bytes=record.backlog_bytes,
        longest_lag_s=record.longest_lag_s,
        last_applied=record.last_applied,
        last_error=record.last_error,
    )


async def _measured(ctx: Context, side: Target, record: FollowRecord, seen: FollowStatus) -> FollowStatus:
    """What waits by now on the live side; as it was ``seen`` last where that cannot be asked."""
    import asyncpg

    try:
        async with ctx.connect(side) as connection:
            backlog = await ctx.get(CAPTURE, record.capture).backlog(connection, record.name)
    except CaptureBroken as error:
        if not record.epoch:  # of a copy, which has words of its own
            return seen
        return msgspec.structs.replace(seen, caught_up=False, last_error=error.message)
    except (ConfitureError, asyncpg.PostgresError):
        return seen
    return msgspec.structs.replace(
        seen,
        caught_up=not backlog.entries,
        lag_seconds=backlog.age_s,
        backlog_entries=backlog.entries,
        backlog_bytes=backlog.bytes,
    )


async def _crossing(ctx: Context, sides: Sides, record: CrossingRecord) -> CrossingStatus:
    from confiture_schema_to_schema.crossing.medium import crossing_lock

    return CrossingStatus(
        direction=record.direction,
        outcome=record.outcome,
        step=record.step,
        running=record.outcome is None and await _is_held(ctx, sides, crossing_lock(record.run_id)),
        switch=record.switch,
        attempts=record.attempts,
        paused_seconds=record.paused_s,
        steps=record.steps,
        not_reversible=record.not_reversible,
        started=record.started,
        finished=record.finished,
    )


async def _is_held(ctx: Context, sides: Sides, name: str) -> bool:
    """Whether somebody holds the lock; through a pooler nobody can know, and it is taken for granted."""
    return await _held(ctx, sides, name) is not False


async def _held(ctx: Context, sides: Sides, name: str) -> bool | None:
    """Whether somebody holds the lock; None where that cannot be known."""
    async with ctx.connect_maintenance(sides.target) as connection:
        return None if await is_pooled(connection) else await is_locked(connection, name)
