"""One attempt: live side locked, drained, closed and decided, all within a budget of seconds, or nothing at all."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from confiture.cli.units import many
from confiture.errors import ConfitureError, ConnectionLost, Refused
from confiture.hooks import CAPTURE
from confiture.protocols import HoldingSwitch
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture.translate import translate
from confiture_schema_to_schema.capturing import capture_of, verify
from confiture_schema_to_schema.creating import carry_sequences
from confiture_schema_to_schema.crossing.comparing import compare_small
from confiture_schema_to_schema.crossing.fencing import CLOSED, fence
from confiture_schema_to_schema.crossing.gate import stamp
from confiture_schema_to_schema.crossing.losing import check_keys, check_losses, copy_anew, forget_losses, told_loss
from confiture_schema_to_schema.crossing.places import read_place
from confiture_schema_to_schema.crossing.state import crossings_of
from confiture_schema_to_schema.durable import durable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confiture.protocols import Connection, Context, Switch
    from confiture_schema_to_schema.crossing.steps import Steps
    from confiture_schema_to_schema.crossing.ways import Way
    from confiture_schema_to_schema.following.batches import Follower
    from confiture_schema_to_schema.model import LostTable

__all__ = ["NotReachedError", "attempt"]

#: Behind a lock that is waited for, all who would write wait: better to try again than to have them wait for long. The
#: third time it is more than the second after which PostgreSQL ends an autovacuum that is in the way.
_LOCK_S: Final = 0.5
_TRANSACTION_TIMEOUT_SINCE: Final = 17
_MS: Final = 1000
#: ``idle_in_transaction_session_timeout`` and ``transaction_timeout``.
_ENDED_BY_SERVER: Final = frozenset({"25P03", "25P04"})


class NotReachedError(Exception):
    """Nothing was decided, and everything is as it was. ``again``: it may go better in a moment."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


class _Budget(msgspec.Struct, frozen=True):
    until: float

    @property
    def left_s(self) -> float:
        return max(self.until - time.monotonic(), 0.001)


async def attempt(
    ctx: Context,
    way: Way,
    steps: Steps,
    *,
    seq: int,
    times: int,
    follower: Follower,
    budget_s: float,
    switch: Switch | None,
    may_lose: frozenset[str],
) -> None:
    """When this returns, it is decided. ``ctx`` may keep its connections; ``seq`` is the attempt's own number.

    ``times``: how often it was tried, with this one. ``may_lose``: as in :func:`.losing.check_losses`.

    Raises ``NotReachedError``, or what is wrong (``CaptureBroken``, ``ProofFailed``): then nothing was decided, unless
    the connection was lost in the very moment: ``give_up`` says.
    """
    import asyncpg

    # All of it takes a while, so before the pause; under the locks it is looked whether it is still so.
    looked = await _verified(ctx, way)
    budget = _Budget(time.monotonic() + budget_s)
    steps.pause()
    try:
        if switch is not None:
            with steps.step("hold", "have applications wait"):
                await switch.hold(ctx, way.live, way.other, timeout_s=budget.left_s)
        async with ctx.connect(way.live) as session:
            async with ctx.transaction(session):
                with anyio.fail_after(budget.left_s), _ended_by_server(budget):
                    await durable(session)
                    await _limit(session, budget.left_s, _LOCK_S * times)
                    await _lock(session, way, steps)
                    if await stamp(session, way) != looked:
                        raise NotReachedError("tables were altered in the meantime", again=True)
                    await _drain(ctx, way, steps, follower)
                    await _bring(ctx, way, steps, budget, may_lose)
                    losses = await _lose(ctx, way, steps, may_lose)
                    if isinstance(switch, HoldingSwitch):
                        with steps.step("held", "see that applications still wait"):
                            await switch.check_held(ctx, way.live, way.other)
                    await _close(ctx, session, way, steps, seq, losses, may_lose)
                committing = time.monotonic()
            steps.add("decide", time.monotonic() - committing)
    except TimeoutError:
        raise NotReachedError(f"{budget_s:g} s were not enough", again=False) from None
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.QueryCanceledError) as error:
        raise NotReachedError(f"the tables could not be locked ({error.sqlstate})", again=True) from None


@contextmanager
def _ended_by_server(budget: _Budget) -> Iterator[None]:
    """Where this process was held up, the server has ended the session (:func:`_limit`) before our own clock could.

    Nothing was committed. Whether it was another fault is for those to find out who take everything back.
    """
    try:
        yield
    except Exception as error:
        found = translate(error)
        told = isinstance(found, ConfitureError) and (
            found.sqlstate in _ENDED_BY_SERVER or isinstance(found, ConnectionLost)
        )
        if told and time.monotonic() >= budget.until:
            raise TimeoutError from error
        raise


async def _verified(ctx: Context, way: Way) -> str:
    """The stamp of tables that were verified since they have it: a partition that is taken in gives them another."""
    looked = None
    async with ctx.connect(way.live) as connection:
        while looked != (now := await stamp(connection, way)):
            looked = now
            await verify(ctx, way.job, way.watch)
    return looked


async def _limit(session: Connection, left_s: float, lock_s: float) -> None:
    """The server itself ends it where this process is stopped or cut off: nobody waits longer for its locks."""
    left = math.ceil(left_s * _MS)
    limits = {"lock_timeout": min(int(lock_s * _MS), left), "idle_in_transaction_session_timeout": left}
    if session.get_server_version()[0] >= _TRANSACTION_TIMEOUT_SINCE:
        limits["transaction_timeout"] = left
    limits["statement_timeout"] = left
    await session.execute("; ".join(f"SET LOCAL {name} = '{value}ms'" for name, value in limits.items()))


async def _lock(session: Connection, way: Way, steps: Steps) -> None:
    with steps.step("lock", f"lock the tables of {shown_side(way.live)}"):
        # Readers go on. By name: two that do so never wait for each other.
        await session.execute(f"LOCK TABLE {', '.join(way.closed_there())} IN EXCLUSIVE MODE")


async def _drain(ctx: Context, way: Way, steps: Steps, follower: Follower) -> None:
    capture = capture_of(ctx, way.watch)
    with steps.step("drain", "bring over what is left") as details:
        entries = batches = 0
        while True:
            batch = await follower.batch(strict=True, refresh=True)
            entries, batches = entries + batch.entries, batches + 1
            async with ctx.connect(way.live) as connection:
                if await capture.drained(connection, way.watch.name):
                    break
        details.append(f"{many(entries, 'change')} in {batches} {'batch' if batches == 1 else 'batches'}")


async def _bring(ctx: Context, way: Way, steps: Steps, budget: _Budget, may_lose: frozenset[str]) -> None:
    with steps.step("sequences", "carry the sequences over") as details:
        async with ctx.connect(way.other) as connection:
            details.append(many(await carry_sequences(ctx, way.job, connection), "sequence"))
    with steps.step("check", "compare small tables") as details:
        details.append(await compare_small(ctx, way, budget.left_s, may_lose))
    if way.back_watch is not None or way.losses is not None:
        with steps.step("forget", "forget what the migration itself wrote"):
            await _forget(ctx, way)


async def _forget(ctx: Context, way: Way) -> None:
    """What was captured on the other side so far is what came from the live one: it is nothing to be brought back."""
    if way.direction == "cutover":
        await forget_losses(ctx, way)
    if way.back_watch is None:
        return
    capture = ctx.get(CAPTURE, way.back_watch.capture)
    async with reading(ctx, way.other) as connection:
        changes = await capture.poll(connection, way.back_watch.name)
    await capture.ack(ctx, way.other, way.back_watch.name, changes)


async def _lose(ctx: Context, way: Way, steps: Steps, may_lose: frozenset[str]) -> tuple[LostTable, ...]:
    """Nobody writes any more, so that these are the last numbers."""
    if way.direction != "rollback" or way.losses is None:
        return ()
    with steps.step("losses", "count what does not come back") as details:
        losses = await check_losses(ctx, way, may_lose)
        await check_keys(ctx, way, losses)
        details += [f"{told_loss(each)}, lost" for each in losses if each.changes != 0]
    return losses


async def _close(
    ctx: Context,
    session: Connection,
    way: Way,
    steps: Steps,
    seq: int,
    losses: tuple[LostTable, ...],
    may_lose: frozenset[str],
) -> None:
    crossings = crossings_of(ctx)
    async with ctx.connect(way.other) as connection:
        other = await read_place(connection)
    with steps.step("fence", f"close {shown_side(way.live)} for writes"):
        await fence(
            session,
            crossings.schema,
            way.run_id,
            way.closed_there(),
            CLOSED,
            here=way.live,
            there=way.other,
        )
        await copy_anew(ctx, session, way, losses, may_lose)
        if not await crossings.decide(session, way.run_id, seq, way.direction, "crossed", other):
            raise Refused(
                "another process has ended this attempt in the meantime",
                hint="`confiture migrate schema-to-schema status` says which side is live",
            )
