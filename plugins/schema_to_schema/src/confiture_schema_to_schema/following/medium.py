"""The medium ``schema-to-schema-follow``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import anyio

from confiture.errors import Busy, ConfitureError, Irreversible
from confiture.redact import redact
from confiture.sides import shown_side
from confiture.transfer import keep_connections
from confiture_schema_to_schema.capturing import verify
from confiture_schema_to_schema.copying.retrying import retrying
from confiture_schema_to_schema.crossing.opening import find_run, open_way
from confiture_schema_to_schema.crossing.places import live_side, locate
from confiture_schema_to_schema.following.batches import on_row, take_epoch
from confiture_schema_to_schema.following.looping import Loop
from confiture_schema_to_schema.following.opening import reopened
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.following.stopping import STOP
from confiture_schema_to_schema.model import FollowReport, FollowRequest
from confiture_schema_to_schema.sides import find_sides, lock_name

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.following.looping import Ended
    from confiture_schema_to_schema.values import Job, Sides

__all__ = ["FollowMedium"]

#: Who ended a moment ago has not let the lock go on the server yet.
_LOCK_S: Final = 2.0


class FollowMedium:
    """Brings what changes on the live side to the other one. One instance may serve several runs."""

    request_type: type[FollowRequest] = FollowRequest

    async def run(self, ctx: Context, request: FollowRequest) -> FollowReport:
        """See :meth:`_Following.run`. Stopped by :data:`.stopping.STOP`, it has a report too."""
        following = _Following(ctx, request)
        with STOP.get() or anyio.CancelScope():
            return await following.run()
        return following.report("stopped")


class _Following:
    """One run of it, that may be ended at any time and asked then what it has done."""

    def __init__(self, ctx: Context, request: FollowRequest) -> None:
        self._ctx = ctx
        self._request = request
        self._loop: Loop | None = None
        self._live: Literal["old", "new"] = "old"

    async def run(self) -> FollowReport:
        """Until somebody ends it, or a cutover takes over; or until it has caught up, where that is asked for.

        After a cutover the new database is the live one, and the old one follows. Servers that are restarted are waited
        for, for about a minute. Raises ``Refused`` where nothing was copied, or its changes are not captured, ``Busy``
        where another process is at work, ``CaptureBroken`` naming a table whose changes may not all have been told.
        """
        ctx, request = self._ctx, self._request
        sides = await locate(ctx, await find_sides(ctx, request))
        async with ctx.lock(sides.target, lock_name(sides), wait_s=_LOCK_S):
            job, watch = await _open(ctx, sides, request)
            state = follow_state_of(ctx)
            await on_row(ctx, job, lambda connection: state.forget_asking(connection, job.run_id))
        async with keep_connections(ctx) as kept:
            self._loop = loop = Loop(kept, job, watch, until_caught_up=request.until_caught_up)
            self._live = "old" if job.sides.source == sides.source else "new"
            work = partial(_follow, kept, sides, job, watch, loop)
            try:
                ended = await retrying(ctx, f"following {shown_side(job.sides.source)!r}", work)
            except ConfitureError as error:
                await loop.last_words(error)
                raise
        return self.report(ended)

    def report(self, ended: Literal[Ended, "stopped"]) -> FollowReport:
        """What was done so far."""
        if (loop := self._loop) is None:
            source, target = self._request.source or "", self._request.target or ""
            return FollowReport(source=redact(source), target=redact(target), run_id="", ended=ended)
        job = loop.job
        return FollowReport(
            source=shown_side(job.sides.source),
            target=shown_side(job.sides.target),
            run_id=job.run_id,
            ended=ended,
            live=self._live,
            batches=loop.batches,
            entries=loop.entries,
            keys=loop.keys,
            longest_lag_s=loop.longest_lag_s,
            seconds=loop.seconds,
        )


async def _open(ctx: Context, sides: Sides, request: FollowRequest) -> tuple[Job, Watch]:
    if await live_side(ctx, sides) == "old":
        found = await reopened(ctx, sides, request.mapping)
        return found.job, found.watch
    way = await open_way(ctx, sides, await find_run(ctx, sides), request.mapping, "rollback")
    if not way.job.tables:
        raise Irreversible(
            f"nothing of {shown_side(sides.target)!r} can be brought back to {shown_side(sides.source)!r}: "
            f"{'; '.join(way.not_reversible)}",
            hint="give the map the way back (`reverse`) next time; there is nothing to follow now",
        )
    return way.job, way.watch


async def _follow(ctx: Context, sides: Sides, job: Job, watch: Watch, loop: Loop) -> Ended:
    """Again after a server was lost: the lock went with it."""
    try:
        async with ctx.lock(sides.target, lock_name(sides), wait_s=_LOCK_S):
            await verify(ctx, job, watch)
            return await loop.run(await take_epoch(ctx, job))
    except Busy:
        # A cutover that came while the lock was lost did not have to wait for it.
        if await _is_asked(ctx, job):
            return "taken over by a cutover"
        raise


async def _is_asked(ctx: Context, job: Job) -> bool:
    try:
        async with ctx.connect(job.sides.target) as connection:
            record = await follow_state_of(ctx).read(connection, job.run_id)
    except ConfitureError:
        return False
    return record is not None and record.asked_to_end
