"""Batch after batch, quickly while there is something to do, and what is known of the lag."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import anyio

from confiture.errors import Busy, ConfitureError
from confiture.hooks import CAPTURE
from confiture.model import Note, Progress, StepFinished, StepStarted, WarningRaised
from confiture.redact import redact
from confiture.sides import shown_side
from confiture_schema_to_schema.capturing import explained, verify
from confiture_schema_to_schema.configuring import SECTION
from confiture_schema_to_schema.copying.beating import taken_over
from confiture_schema_to_schema.following.batches import SOME, Follower
from confiture_schema_to_schema.following.limiting import check_log
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.following.waiting import WAITED

if TYPE_CHECKING:
    from confiture.model import Backlog
    from confiture.protocols import Capture, Connection, Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.following.batches import Batch
    from confiture_schema_to_schema.values import Job

__all__ = ["STEP", "Ended", "Loop"]

Ended: TypeAlias = Literal["caught up", "taken over by a cutover"]

#: Under this step progress is told in changes, under ``.bytes`` what waits in bytes, under ``.lag`` in milliseconds.
STEP: Final = f"{SECTION}.follow"
_LAST_WORDS_S: Final = 5.0
_SHORTEST_S: Final = 0.01
_LONGEST_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.5
_VERIFY_EVERY_S: Final = 10.0
#: So many batches may go by before what is copied whole each time is copied again, while others have much to do.
_REFRESH_EVERY: Final = 50


class Loop:
    """What one process has done so far, in however many attempts. ``longest_lag_s``: a change waited for so long."""

    def __init__(self, ctx: Context, job: Job, watch: Watch, *, until_caught_up: bool) -> None:
        self._ctx = ctx
        self.job = job
        self._watch = watch
        self._until_caught_up = until_caught_up
        self._capture: Capture = ctx.get(CAPTURE, watch.capture)
        self._state = follow_state_of(ctx)
        self._begun = time.monotonic()
        self._looked = self._verified = 0.0
        self._strict = True
        self._since_refresh = 0
        self._told = False
        self._waits = ""
        self._epoch = 0
        self.batches = self.entries = self.keys = 0
        self.longest_lag_s = 0.0

    @property
    def seconds(self) -> float:
        """Since its beginning."""
        return time.monotonic() - self._begun

    async def run(self, epoch: int) -> Ended:
        """Until it is asked to end, or has caught up. Raises ``Busy`` where another process has a newer epoch."""
        self._epoch = epoch
        follower = Follower(self._ctx, self.job, self._watch, epoch)
        if not self._told:
            self._told = True
            label = f"follow {shown_side(self.job.sides.source)}"
            self._ctx.emit(StepStarted(step=STEP, label=label))
        self._looked, self._verified = 0.0, time.monotonic()
        wait = _SHORTEST_S
        refresh = True
        while True:
            if await self._look(epoch):
                return self._end("taken over by a cutover")
            batch = await self._batch(follower, refresh=refresh)
            if batch is None:
                continue
            self._count(batch)
            caught_up = batch.strict and not batch.refreshing
            if caught_up and self._until_caught_up:
                self._looked = 0.0
                await self._look(epoch)
                return self._end("caught up")
            idle = batch.strict and not batch.entries
            refresh = self._until_caught_up or bool(batch.refreshing and (idle or self._is_due()))
            if refresh:
                self._since_refresh = 0
                continue
            wait = min(2 * wait, _LONGEST_S) if idle else _SHORTEST_S
            await anyio.sleep(wait if batch.strict else 0)

    async def last_words(self, error: ConfitureError) -> None:
        """Write why it ended, for who asks in the morning, if the side that takes the changes still answers."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(_LAST_WORDS_S), suppress(Exception):
            async with self._ctx.connect(self.job.sides.target) as connection:
                await self._complain(connection, error.message)

    async def _batch(self, follower: Follower, *, refresh: bool) -> Batch | None:
        """None: somebody holds what it needs, which is told. It comes again for as long as that takes."""
        try:
            batch = await follower.batch(strict=self._strict, refresh=refresh)
        except Busy as waited:
            if waited.sqlstate != WAITED:
                raise
            if self._waits != waited.message:
                self._waits = waited.message
                self._ctx.emit(WarningRaised(message=waited.message, hint=waited.hint))
                async with self._ctx.connect(self.job.sides.target) as connection:
                    await self._complain(connection, waited.message)
            return None
        if self._waits:
            self._waits = ""
            self._ctx.emit(Note(message="changes are brought over again"))
            async with self._ctx.connect(self.job.sides.target) as connection:
                await self._complain(connection, None)
        return batch

    async def _complain(self, connection: Connection, message: str | None) -> None:
        await self._state.complain(connection, self.job.run_id, self._epoch, message and redact(message))

    def _is_due(self) -> bool:
        return self._since_refresh >= _REFRESH_EVERY

    def _count(self, batch: Batch) -> None:
        self.batches += batch.entries > 0
        self.entries += batch.entries
        self.keys += batch.keys
        self._since_refresh += 1
        if batch.entries:
            self._ctx.emit(Progress(step=STEP, done=self.entries, unit="changes"))

    def _end(self, ended: Ended) -> Ended:
        summary = f"{self.entries} changes in {self.batches} batches, {ended}"
        self._ctx.emit(StepFinished(step=STEP, seconds=self.seconds, summary=summary))
        return ended

    async def _look(self, epoch: int) -> bool:
        """At the backlog, at the capture, and whether somebody asks it to end; now and then."""
        now = time.monotonic()
        if now - self._verified > _VERIFY_EVERY_S:
            with suppress(Busy):  # a new partition that is in use is taken in later
                await verify(self._ctx, self.job, self._watch)
            self._verified = time.monotonic()
        if self._looked and now - self._looked < _LOOK_EVERY_S:
            return False
        self._looked = now
        async with self._ctx.connect(self.job.sides.source) as connection:
            with explained(self.job, self._watch):
                backlog = await self._capture.backlog(connection, self._watch.name)
        self._strict = backlog.entries <= SOME
        self.longest_lag_s = max(self.longest_lag_s, backlog.age_s)
        self._tell(backlog)
        async with self._ctx.connect(self.job.sides.target) as connection:
            asked = await self._state.beat(
                connection,
                self.job.run_id,
                epoch,
                lag_s=backlog.age_s,
                longest_lag_s=self.longest_lag_s,
                backlog_entries=backlog.entries,
                backlog_bytes=backlog.bytes,
                caught_up=not backlog.entries,
            )
        if asked is None:
            raise taken_over(self.job)
        await check_log(self._ctx, self.job, self._watch, backlog)
        return asked

    def _tell(self, backlog: Backlog) -> None:
        self._ctx.emit(Progress(step=STEP, done=self.entries, total=self.entries + backlog.entries, unit="changes"))
        self._ctx.emit(Progress(step=f"{STEP}.bytes", done=backlog.bytes, unit="bytes"))
        self._ctx.emit(Progress(step=f"{STEP}.lag", done=round(backlog.age_s * 1000), unit="ms"))
