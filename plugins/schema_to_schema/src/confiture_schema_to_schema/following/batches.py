"""One batch: read in one snapshot of the source, applied in one transaction of the target, acknowledged."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import anyio
import msgspec

from confiture.errors import Busy, CaptureBroken, StatementFailed
from confiture.sides import shown_side
from confiture.transfer import prepare_session, reading, set_local
from confiture_schema_to_schema.capturing import capture_of, explained, verify
from confiture_schema_to_schema.copying.beating import taken_over
from confiture_schema_to_schema.copying.beginning import end_orphans
from confiture_schema_to_schema.durable import durable
from confiture_schema_to_schema.following.applying import MARK, apply
from confiture_schema_to_schema.following.flushing import flush
from confiture_schema_to_schema.following.loosening import loosen
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.following.statements import statements_of
from confiture_schema_to_schema.following.touched import find_work
from confiture_schema_to_schema.following.waiting import HOLDERS, LOCK_LIMIT, Waits, told

if TYPE_CHECKING:
    from confiture.model import Changes
    from confiture.protocols import Capture, Connection, Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.following.recent import Recent
    from confiture_schema_to_schema.following.state import FollowState
    from confiture_schema_to_schema.following.statements import Statements
    from confiture_schema_to_schema.values import Job

__all__ = ["SOME", "Batch", "Follower", "catch_up", "on_row", "settle", "take", "take_epoch"]

_T = TypeVar("_T")

#: Changes that are taken at once where there are many.
SOME: Final = 20_000
#: A unique value or a parent that is there already, or not yet: with all changes it is as on the source.
_COLLISIONS: Final = frozenset({"23505", "23503", "23P01"})
#: TRUNCATE empties a table for snapshots that were there before it as well: what these read need not fit together.
_TIMES: Final = 4
#: A constraint CHECK; without its name, none of the partitions.
_CHECK: Final = "23514"
#: How often a snapshot is taken that does not see yet what was told, and how far apart.
_LOOKS: Final = 200
_LOOK_EVERY_S: Final = 0.025


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One round. ``strict``: it took all that its snapshot saw. ``entries`` of the log, ``keys`` that were read again.

    ``refreshing``: parts that are to be copied whole, since something changed that they read, and were not yet.
    """

    entries: int
    keys: int
    seconds: float
    strict: bool
    refreshing: int = 0


async def take_epoch(ctx: Context, job: Job) -> int:
    """Become the one process that applies: whoever did so before fails at its next batch. The new epoch.

    Foreign keys and triggers that a batch must not meet are switched off, once for the run (:mod:`.loosening`).
    """
    epoch = await take(ctx, job)
    await loosen(ctx, job)
    return epoch


async def take(ctx: Context, job: Job) -> int:
    """The epoch alone: where foreign keys and triggers are off already. The row of the run must be there."""
    return await on_row(ctx, job, lambda connection: follow_state_of(ctx).take(connection, job.run_id))


async def on_row(ctx: Context, job: Job, work: Callable[[Connection], Awaitable[_T]]) -> _T:
    """Do ``work`` on the row of the run, which who was in the middle of a batch may have yet. The caller has the lock:
    that process has lost it, or this one has, with sessions of which the server does not know that nobody is there.

    Raises ``Busy`` where somebody else holds the row.
    """  # noqa: D205
    import asyncpg

    state = follow_state_of(ctx)
    async with ctx.connect(job.sides.target) as connection:
        known = await state.read(connection, job.run_id)
        if known is None:
            raise taken_over(job)
        own: str = await connection.fetchval("SELECT pg_catalog.current_setting('application_name')")
        if known.application and known.application != own:
            await end_orphans(connection, known.application, [], state.epochs)
        for ended in (False, True):
            with suppress(asyncpg.LockNotAvailableError):
                async with ctx.transaction(connection):
                    await set_local(connection, LOCK_LIMIT)
                    await durable(connection)  # no epoch is given twice
                    return await work(connection)
            if not ended:
                await end_orphans(connection, own, [], state.epochs)
        holders = await connection.fetch(HOLDERS, state.epochs)
    raise Busy(
        f"the state of this migration in {shown_side(job.sides.target)!r} is held by {told(holders)}",
        hint="wait for that transaction to end, or end it; nothing is lost meanwhile",
    )


async def catch_up(
    ctx: Context,
    job: Job,
    watch: Watch,
    epoch: int,
    *,
    strict: bool = True,
    refresh: bool | None = None,
    recent: Recent | None = None,
) -> Batch:
    """One batch. ``strict`` False: some of a large backlog; what collides is tried again with all of it.

    ``refresh``: tables that are copied whole each time are, where something changed that they read; None: as
    ``strict``. ``recent`` is told of its rows. Raises ``Busy`` where another process has a newer epoch,
    ``StatementFailed`` for rows that the target does not take, without their values.
    """
    follower = Follower(ctx, job, watch, epoch, recent)
    return await follower.batch(strict=strict, refresh=strict if refresh is None else refresh)


class Follower:
    """Makes batches, for one process of one epoch."""

    def __init__(self, ctx: Context, job: Job, watch: Watch, epoch: int, recent: Recent | None = None) -> None:
        self._ctx = ctx
        self._job = job
        self._watch = watch
        self._epoch = epoch
        self._state: FollowState = follow_state_of(ctx)
        self._capture: Capture = capture_of(ctx, watch)
        self._statements: tuple[Statements, ...] = statements_of(job, watch)
        #: Parts that wait to be copied whole, by the last batch; None: not known.
        self._stale: frozenset[int] | None = None
        self._recent = recent

    async def batch(self, *, strict: bool, refresh: bool) -> Batch:
        """See :func:`catch_up`."""
        import asyncpg

        collisions = 0
        waits = Waits(self._ctx)
        for _ in range(_LOOKS):
            try:
                async with waits.watched():
                    found = await self._try(waits, strict=strict, refresh=refresh)
            except asyncpg.LockNotAvailableError:
                raise waits.busy() from None
            except asyncpg.PostgresError as error:
                collisions += 1
                if error.sqlstate not in _COLLISIONS or collisions == _TIMES:
                    failure = self._failure(error)
                    if isinstance(failure, StatementFailed):
                        await self._explain()
                    raise failure from None
                strict = refresh = True
            else:
                if found is not None:
                    return found
                await anyio.sleep(_LOOK_EVERY_S)
        raise Busy(
            f"{shown_side(self._job.sides.source)!r} tells of changes before they can be seen",
            hint="a commit waits there for a standby: see pg_stat_replication, then try again",
        )

    async def _explain(self) -> None:
        """Raise ``CaptureBroken`` with the table's name where one was altered since it was looked at last."""
        try:
            await verify(self._ctx, self._job, self._watch, mend=False)
        except CaptureBroken as broken:
            if not broken.partitions:
                raise

    async def _try(self, waits: Waits, *, strict: bool, refresh: bool) -> Batch | None:
        """None: the snapshot does not see all that was told."""
        begun = time.monotonic()
        ctx, job = self._ctx, self._job
        async with reading(ctx, job.sides.source, settings=LOCK_LIMIT) as source:
            waits.uses(job.sides.source, source)
            with explained(job, self._watch):
                changes = await self._capture.poll(source, self._watch.name, limit=None if strict else SOME)
                if not await self._capture.guard(source, self._watch.name, changes):
                    return None
            if not changes.entries and self._stale is not None and not (self._stale and refresh):
                await self._ack(changes)
                return Batch(entries=0, keys=0, seconds=0.0, strict=changes.complete, refreshing=len(self._stale))
            if changes.entries:
                # Else a crash of the source could take back what the target has.
                async with ctx.connect(job.sides.source) as another:
                    await flush(another)
            async with ctx.connect(job.sides.target) as target, ctx.transaction(target):
                waits.uses(job.sides.target, target)
                await prepare_session(target)
                await durable(target)  # what is acknowledged is told by nobody any more
                await set_local(target, {MARK: job.run_id, **LOCK_LIMIT})
                held = await self._state.hold(target, job.run_id)
                if held is None or held[0] != self._epoch:
                    raise taken_over(job)
                stale = set(held[1])
                if not changes.entries and not (stale and refresh):
                    batch = Batch(entries=0, keys=0, seconds=0.0, strict=changes.complete, refreshing=len(stale))
                else:
                    works, more = await find_work(source, changes, self._statements, stale if refresh else ())
                    if refresh and more:
                        works, _ = await find_work(source, changes, self._statements, stale | more)
                    stale = set() if refresh else stale | more
                    await apply(source, target, works)
                    if self._recent is not None:
                        self._recent.add(works)
                    keys = sum(len(work.keys) for work in works)
                    seconds = time.monotonic() - begun
                    batch = Batch(
                        entries=changes.entries,
                        keys=keys,
                        seconds=seconds,
                        strict=changes.complete,
                        refreshing=len(stale),
                    )
                    await self._state.applied(
                        target, job.run_id, entries=changes.entries, keys=keys, refresh=stale, seconds=seconds
                    )
        self._stale = frozenset(stale)
        await self._ack(changes)
        return batch

    async def _ack(self, changes: Changes) -> None:
        if changes.entries or changes.token:
            await self._capture.ack(self._ctx, self._job.sides.source, self._watch.name, changes)

    def _failure(self, error: Any) -> BaseException:
        """Without the server's words, which may hold values of rows; what is about the server itself stays as it is."""
        state = error.sqlstate or ""
        if state[:2] in ("08", "53", "57", "40", "55", "58"):
            return cast("BaseException", error)
        names = [
            f"{word} {value!r}"
            for word, field in (("table", "table_name"), ("constraint", "constraint_name"), ("column", "column_name"))
            if (value := getattr(error, field, None))
        ]
        where = f" ({', '.join(names)})" if names else ""
        hint = (
            "mend the rows on the source, or the constraint on the new database; then follow again: nothing is lost "
            "meanwhile. The server's log has the row"
        )
        if state == _CHECK and not getattr(error, "constraint_name", None):
            hint = "no partition there takes a row: create it; then follow again: nothing is lost meanwhile"
        return StatementFailed(
            f"changes of {shown_side(self._job.sides.source)!r} could not be brought to "
            f"{shown_side(self._job.sides.target)!r}: {type(error).__name__}{where}",
            hint=hint,
            sqlstate=error.sqlstate,
        )


async def settle(ctx: Context, job: Job, watch: Watch, epoch: int) -> None:
    """All that has changed since the copy began, before what holds of the rows is checked: no unique value is there
    twice then, and no row without its parent, unless it is so on the source."""  # noqa: D205, D209
    follower = Follower(ctx, job, watch, epoch)
    while not (await follower.batch(strict=False, refresh=False)).strict:
        pass
    await follower.batch(strict=True, refresh=True)
