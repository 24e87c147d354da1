"""A crossing from its gate to its end: prepared, attempted until it is decided, then completed; or given up."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from confiture.errors import (
    Busy,
    ConfitureError,
    ConnectionLost,
    DatabaseConnectionError,
    ExecutionError,
    Irreversible,
    OutcomeUnknown,
)
from confiture.hooks import CAPTURE
from confiture.sides import shown_side
from confiture.transfer import keep_connections
from confiture.translate import translate
from confiture_schema_to_schema.copying.retrying import retrying
from confiture_schema_to_schema.creating import set_all_sequences
from confiture_schema_to_schema.crossing.attempting import NotReachedError, attempt
from confiture_schema_to_schema.crossing.closing import close_other
from confiture_schema_to_schema.crossing.comparing import compare_all, is_validated
from confiture_schema_to_schema.crossing.gate import check_gate, come_near
from confiture_schema_to_schema.crossing.losing import accepted, capture_losses, check_keys, check_losses
from confiture_schema_to_schema.crossing.places import read_place
from confiture_schema_to_schema.crossing.reporting import report_of
from confiture_schema_to_schema.crossing.settling import (
    claimed,
    find_switch,
    give_up,
    open_side,
    roll_forward,
    without_it,
)
from confiture_schema_to_schema.crossing.state import CrossingRecord, crossings_of
from confiture_schema_to_schema.crossing.steps import Steps
from confiture_schema_to_schema.crossing.stranding import check_stranded
from confiture_schema_to_schema.durable import durable
from confiture_schema_to_schema.following import take_epoch
from confiture_schema_to_schema.following.batches import Follower
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.model import RollbackRequest

if TYPE_CHECKING:
    from confiture.protocols import Context, Switch
    from confiture_schema_to_schema.crossing.ways import Way
    from confiture_schema_to_schema.model import CutoverReport, CutoverRequest

__all__ = ["cross"]

#: Between two attempts those write who had to wait.
_BACK_OFF_S: Final = 0.2
#: With less of the budget left there is no use in trying again.
_LEAST_S: Final = 0.05
#: For so long a server that was lost meanwhile is waited for: a restart, with some recovery.
_AWAY_S: Final = 10.0


async def cross(ctx: Context, way: Way, request: CutoverRequest) -> CutoverReport:
    """Make the other side the live one. The caller holds the migration's locks.

    Raises what is in the way, and nothing has changed then; ``ExecutionError`` where it was decided, and something is
    left to be done. ``OutcomeUnknown`` where a server is away that would know.
    """
    # Warm sessions: to log in would cost a good part of the pause. What comes after a fault opens its own.
    try:
        async with keep_connections(ctx) as kept:
            return await _cross(ctx, kept, way, request)
    except Exception as error:
        if isinstance(found := translate(error), ConnectionLost):
            raise _lost(way, found) from error
        raise


async def _cross(ctx: Context, kept: Context, way: Way, request: CutoverRequest) -> CutoverReport:
    steps = Steps(ctx, way.direction)
    may_lose = accepted(way, request.lose) if isinstance(request, RollbackRequest) else frozenset[str]()
    switch = find_switch(ctx, request.switch, request.command)
    with steps.step("gate", "look whether anything is in the way"):
        losses = await check_losses(kept, way, may_lose, verify=True)
        await check_gate(kept, way)
    if not way.job.tables:  # nothing leads back, so that nothing was captured for it
        async with kept.connect(way.other) as connection:
            await follow_state_of(kept).create(connection, way.run_id, way.watch)
    epoch = await take_epoch(kept, way.job)
    with steps.step("catch-up", "catch up") as details:
        details.append(f"the last batch took {(await come_near(kept, way, epoch))[-1]:.3f} s")
    await check_keys(kept, way, losses)
    if way.job.tables and not await is_validated(kept, way):
        with steps.step("validate", "compare all tables") as details:
            details += await compare_all(kept, way, epoch)
    try:
        await check_stranded(kept, way, epoch, may_lose)
    except Irreversible:
        await compare_all(kept, way, epoch)  # where a row is missing in the old database that leads back, this says so
        raise
    record = await _begin(kept, way, request)
    try:
        with steps.step("prepare", f"prepare {shown_side(way.other)}"):
            await _prepare(kept, way)
        await come_near(kept, way, epoch)
        decided = await _decide(kept, way, record, steps, epoch, request, switch, may_lose)
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            # Where the connection was lost in the very moment, it may be decided all the same.
            if await _take_back(ctx, way, record, steps, switch, error):
                raise
    else:
        if not decided and await _take_back(ctx, way, record, steps, switch):
            return report_of(await _current(ctx, way, record), way.sides)
    with anyio.CancelScope(shield=True):
        try:
            work = partial(_complete, ctx, way, record, steps)
            report = await retrying(ctx, f"opening {shown_side(way.other)!r}", work, patience_s=_AWAY_S)
        except ConfitureError as error:
            hint = "`confiture migrate schema-to-schema resume` completes it"
            hint = "; ".join(filter(None, (hint, without_it(request.switch))))
            raise ExecutionError(
                f"{shown_side(way.other)!r} is the live database now, and not all is done that comes after it: "
                f"{error.message}",
                detail=error.detail,
                hint=f"{error.hint}; then {hint}" if error.hint else hint,
            ) from error
    return report


async def _complete(ctx: Context, way: Way, record: CrossingRecord, steps: Steps) -> CutoverReport:
    sides = await roll_forward(ctx, way.sides, await _current(ctx, way, record), steps)
    async with ctx.connect(sides.target) as connection:
        return report_of(await crossings_of(ctx).again(connection, record), sides)


async def _begin(ctx: Context, way: Way, request: CutoverRequest) -> CrossingRecord:
    """Write that it is under way, where a crash of it would be looked for."""
    crossings = crossings_of(ctx)
    async with ctx.connect(way.sides.source) as old, ctx.transaction(old):
        await durable(old)
        await crossings.create(old, crossings=False)
        old_place = await read_place(old)
    async with ctx.connect(way.sides.target) as new:
        await crossings.create(new, crossings=True)
        async with ctx.transaction(new):
            await durable(new)
            former = await crossings.last(new, way.run_id)
            await crossings.begin(
                new,
                CrossingRecord(
                    run_id=way.run_id,
                    number=0,
                    direction=way.direction,
                    seq=former.seq if former else 0,
                    step="preparing",
                    switch=request.switch,
                    command=request.command,
                    old=old_place,
                    new=await read_place(new),
                    old_name=way.sides.source.database,
                    new_name=way.sides.target.database,
                    capture=way.watch.capture,
                    capture_name=way.watch.name,
                    back_name=way.back_watch.name if way.back_watch else None,
                    not_reversible=way.not_reversible,
                    lost=tuple(table.label for table in way.losses.tables) if way.losses is not None else (),
                ),
            )
        record = await crossings.last(new, way.run_id)
    assert record is not None
    return record


async def _current(ctx: Context, way: Way, record: CrossingRecord) -> CrossingRecord:
    async with ctx.connect(way.sides.target) as connection:
        return await crossings_of(ctx).again(connection, record)


async def _take_back(
    ctx: Context,
    way: Way,
    record: CrossingRecord,
    steps: Steps,
    switch: Switch | None,
    error: BaseException | None = None,
) -> bool:
    """After ``error``, or where the time was over: everything as it was; False where it was decided.

    A server that is started anew is waited for. Raises ``OutcomeUnknown`` where one stays away.
    """
    steps.go_on()
    work = partial(give_up, ctx, way.sides, record, steps)
    try:
        return await work()
    except Exception as failure:
        if not isinstance(translate(failure), DatabaseConnectionError):
            raise
    held = ""
    if switch is not None:
        # Nobody knows for how long. Where it was decided, they are told so by the database that they come to.
        try:
            await switch.release(ctx, way.live, way.other)
        except Exception as failure:
            held = f"; applications may be held up until then: the switch could not let them go on ({failure})"
    doing = f"taking back what was begun to {shown_side(way.other)!r}"
    try:
        return await retrying(ctx, doing, work, patience_s=_AWAY_S)
    except DatabaseConnectionError as failure:
        raise OutcomeUnknown(
            f"nobody can tell whether {shown_side(way.other)!r} is the live database by now: {failure.message}{held}",
            hint="when that server runs again, `confiture migrate schema-to-schema resume` ends what was begun, forward"
            " or back, and `status` says which side is live",
        ) from error


def _lost(way: Way, error: ConfitureError) -> ConnectionLost:
    return ConnectionLost(
        f"nothing was decided, and {shown_side(way.live)!r} is the live database as before: {error.message}",
        hint="both servers answer again: see their logs for the reason, then run it again",
        sqlstate=error.sqlstate,
    )


async def _prepare(ctx: Context, way: Way) -> None:
    """What takes its time and harms nobody: the way back, and the other side closed until it is the live one."""
    if way.back_watch is not None:
        capture = ctx.get(CAPTURE, way.back_watch.capture)
        await capture.install(ctx, way.other, way.back_watch.name, way.back_watch.tables)
        async with ctx.connect(way.live) as connection, ctx.transaction(connection):
            await follow_state_of(ctx).create(connection, way.run_id, way.back_watch)
    if way.direction == "cutover":
        await capture_losses(ctx, way)
    await close_other(ctx, way.run_id, way.job)
    async with ctx.connect(way.other) as connection:
        await set_all_sequences(ctx, way.job, connection)


async def _decide(
    ctx: Context,
    way: Way,
    record: CrossingRecord,
    steps: Steps,
    epoch: int,
    request: CutoverRequest,
    switch: Switch | None,
    may_lose: frozenset[str],
) -> bool:
    """Attempt it until it is decided; False where the budget was not enough. Then the other side is open already."""
    crossings = crossings_of(ctx)
    follower = Follower(ctx, way.job, way.watch, epoch, way.recent)
    times = 0
    while True:
        times += 1
        await follower.batch(strict=True, refresh=True)
        async with ctx.connect(way.sides.target) as connection, ctx.transaction(connection):
            await durable(connection)  # the decision is looked for by this number
            seq = await crossings.next_seq(connection, record.number)
        if seq is None:
            raise Busy(
                "another process has ended this in the meantime",
                hint="`confiture migrate schema-to-schema status` says which side is live",
            )
        left_s = request.max_seconds - steps.paused_s
        try:
            await attempt(
                ctx,
                way,
                steps,
                seq=seq,
                times=times,
                follower=follower,
                budget_s=left_s,
                switch=switch,
                may_lose=may_lose,
            )
        except NotReachedError as error:
            if switch is not None:
                with anyio.CancelScope(shield=True):
                    async with claimed(ctx, way.sides.target, record):  # it may be another one's by now
                        await switch.release(ctx, way.live, way.other)
            steps.go_on()
            if not error.again or request.max_seconds - steps.paused_s < _LEAST_S:
                return False
        else:
            if switch is None:
                with anyio.CancelScope(shield=True), suppress(Exception):  # it is tried again, and told of then
                    with steps.step("open", f"open {shown_side(way.other)}"):
                        await open_side(ctx, way.sides, record)
                    steps.go_on()
            return True
        await anyio.sleep(_BACK_OFF_S * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
