"""What comes after a decision, and what a crossing that was given up leaves: both can be done again after a crash."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from confiture.errors import Busy, ConfitureError, ExecutionError, UsageError
from confiture.hooks import CAPTURE, SWITCH
from confiture.loading import altering
from confiture.protocols import DirectedSwitch
from confiture.sides import shown_side
from confiture_schema_to_schema.crossing.fencing import lead_to, lift_fence
from confiture_schema_to_schema.crossing.losing import loss_name
from confiture_schema_to_schema.crossing.state import crossings_of
from confiture_schema_to_schema.crossing.steps import Steps
from confiture_schema_to_schema.durable import durable
from confiture_schema_to_schema.following.loosening import confirm, tighten
from confiture_schema_to_schema.values import Sides

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from confiture.model import Target
    from confiture.protocols import Connection, Context, Switch
    from confiture_schema_to_schema.crossing.state import CrossingRecord

__all__ = [
    "NO_SWITCH",
    "claimed",
    "find_switch",
    "give_up",
    "is_cut",
    "open_side",
    "recover",
    "roll_forward",
    "without_it",
]

#: What stands for no switch: who owns the application points it at the other database.
NO_SWITCH = "none"
#: For so long a session that may still decide is waited for.
_ZOMBIE_S = 10


def find_switch(ctx: Context, name: str, command: str | None) -> Switch | None:
    """The provider of that name, told ``command`` where it takes one. Raises ``UnknownProvider``, ``UsageError``."""
    if name == NO_SWITCH and command is None:
        return None
    switch = ctx.get(SWITCH, name)
    if command is None:
        return switch
    if not isinstance(switch, DirectedSwitch):
        raise UsageError(f"the switch {name!r} takes no command", hint="leave the command out, or choose `command`")
    return switch.directed(command)


def _direction(sides: Sides, record: CrossingRecord) -> tuple[Target, Target]:
    """The side that was live, and the other one."""
    return (sides.source, sides.target) if record.direction == "cutover" else (sides.target, sides.source)


def _as_recorded(live: Target, other: Target, record: CrossingRecord) -> tuple[Target, Target]:
    """By the names that they had before: a switch that was begun knows by these what it did."""
    names = (record.old_name, record.new_name)
    live_name, other_name = names if record.direction == "cutover" else reversed(names)
    return live.with_database(live_name), other.with_database(other_name)


async def recover(ctx: Context, sides: Sides, *, without_switch: bool = False) -> tuple[CrossingRecord, Sides] | None:
    """End a crossing that was killed: forward where it was decided, else back. None where there is none.

    What it was, with its outcome, and where both databases are then. The caller holds the migration's lock; ``sides``
    as :func:`.places.locate` says. ``without_switch``: its own is not asked any more. Raises ``Busy`` where a process
    that may still decide holds its session.
    """
    async with ctx.connect(sides.target) as connection:
        record = await crossings_of(ctx).last(connection)
        if record is None or record.outcome is not None:
            return None
        if without_switch:
            await crossings_of(ctx).change(connection, record.number, switch=NO_SWITCH, command=None)
            record = await crossings_of(ctx).again(connection, record)
    if not await give_up(ctx, sides, record):
        try:
            sides = await roll_forward(ctx, sides, record, Steps(ctx, record.direction))
        except ConfitureError as error:
            error.hint = "; ".join(filter(None, (error.hint, without_it(record.switch))))
            raise
    async with ctx.connect(sides.target) as connection:
        return await crossings_of(ctx).again(connection, record), sides


def without_it(switch: str) -> str | None:
    """What to do where the switch of a crossing that was decided is not there any more."""
    if switch == NO_SWITCH:
        return None
    return f"where the switch {switch!r} is gone for good: `confiture migrate schema-to-schema resume --switch none`"


async def is_cut(ctx: Context, sides: Sides) -> bool:
    """Whether a crossing has no outcome: it was killed, or is under way. ``sides`` as :func:`.places.locate` says."""
    async with ctx.connect(sides.target) as connection:
        record = await crossings_of(ctx).last(connection)
    return record is not None and record.outcome is None


async def _has_crossed(ctx: Context, sides: Sides, record: CrossingRecord) -> bool:
    """Whether the last attempt was decided. Where it was not, it never will be: that is written now."""
    import asyncpg

    live, _ = _direction(sides, record)
    try:
        async with ctx.connect(live) as connection, ctx.transaction(connection):
            await durable(connection)
            await connection.execute(f"SET LOCAL lock_timeout = '{_ZOMBIE_S}s'")
            given_up = await crossings_of(ctx).decide(
                connection,
                record.run_id,
                record.seq,
                record.direction,
                "given up",
                record.new if record.direction == "cutover" else record.old,
            )
    except asyncpg.LockNotAvailableError:
        raise Busy(
            f"another process is about to close {shown_side(live)!r} for writes, and does not end",
            hint="see pg_stat_activity there for who holds locks on confiture's tables, and end it",
        ) from None
    return not given_up


@asynccontextmanager
async def claimed(ctx: Context, new: Target, record: CrossingRecord) -> AsyncIterator[Connection]:
    """A session of the new database, in a transaction in which nobody else ends the crossing.

    Raises ``Busy`` where somebody has: a process that was stopped must undo nothing of what came after it.
    """
    import asyncpg

    taken = Busy(
        "another process has ended this in the meantime",
        hint="`confiture migrate schema-to-schema status` says which side is live",
    )
    async with ctx.connect(new) as connection, ctx.transaction(connection):
        await connection.execute(f"SET LOCAL lock_timeout = '{_ZOMBIE_S}s'")
        try:
            mine = await crossings_of(ctx).hold(connection, record.number)
        except asyncpg.LockNotAvailableError:
            raise Busy(
                f"another process is about to end this, and has not for {_ZOMBIE_S} s",
                hint="wait for it; where it was stopped, end its session: see pg_stat_activity of "
                f"{shown_side(new)!r} for who is idle in a transaction",
            ) from None
        if not mine:
            raise taken
        yield connection


async def give_up(ctx: Context, sides: Sides, record: CrossingRecord, steps: Steps | None = None) -> bool:
    """Leave everything as it was, unless it was decided: False then. Raises ``Busy`` where another process did that.

    ``steps``: those that were made.

    And what a switch says that could not let the applications go on, once all else is done: that is not tried again,
    since it may never succeed, and both databases are as they were.
    """
    live, other = _direction(sides, record)
    failure: ConfitureError | None = None
    async with claimed(ctx, sides.target, record) as connection:
        # While this is held nobody gets a number for another attempt: it is this one that counts.
        record = await crossings_of(ctx).again(connection, record)
        if await _has_crossed(ctx, sides, record):
            return False
        if (switch := find_switch(ctx, record.switch, record.command)) is not None:
            try:
                await switch.release(ctx, *_as_recorded(live, other, record))
            except ConfitureError as error:
                failure = error
        if record.back_name is not None:
            await ctx.get(CAPTURE, record.capture).uninstall(ctx, other, record.back_name)
        if record.lost and record.direction == "cutover":
            await ctx.get(CAPTURE, record.capture).uninstall(ctx, other, loss_name(record.capture_name))
        told = {"steps": tuple(steps.done), "paused_s": steps.paused_s} if steps is not None else {}
        await crossings_of(ctx).change(connection, record.number, **told, outcome="given up")
    if failure is not None:
        raise ExecutionError(
            f"{shown_side(live)!r} is the live database still, and applications may be held up: {failure.message}",
            detail=failure.detail,
            hint=f"let them go on at the switch {record.switch!r} by hand"
            + (f": {failure.hint}" if failure.hint else ""),
        ) from failure
    return True


async def roll_forward(ctx: Context, sides: Sides, record: CrossingRecord, steps: Steps) -> Sides:
    """The other side becomes the live one: it was decided. Where both databases are then.

    Raises ``Busy`` where another process does that.
    """
    live, other = _direction(sides, record)
    if not any(step.name == "open" for step in steps.done):
        with steps.step("open", f"open {shown_side(other)}"):
            await open_side(ctx, sides, record)
    if (switch := find_switch(ctx, record.switch, record.command)) is not None:
        # It may have to end each session there is, and give the databases other names.
        with steps.step("switch", f"lead applications to {shown_side(other)}"):
            async with claimed(ctx, sides.target, record):
                pass  # it may end these very sessions; and who was stopped before it is to lead nobody anywhere
            live, other = await switch.switch(ctx, *_as_recorded(live, other, record))
        with steps.step("release", "let applications go on"):
            await switch.release(ctx, live, other)
    old, new = (live, other) if record.direction == "cutover" else (other, live)
    steps.go_on()
    if (old.database, new.database) != (record.old_name, record.new_name):
        async with ctx.connect(live) as connection:
            await lead_to(connection, crossings_of(ctx).schema, record.run_id, here=live, there=other)
    async with claimed(ctx, new, record) as connection:
        with steps.step("complete", "validate foreign keys, and stop capturing what is closed"):
            await confirm(ctx, other)
            await ctx.get(CAPTURE, record.capture).uninstall(ctx, live, record.capture_name)
            if record.lost and record.direction == "rollback" and record.back_name is not None:
                await ctx.get(CAPTURE, record.capture).uninstall(ctx, live, loss_name(record.back_name))
        await crossings_of(ctx).change(
            connection,
            record.number,
            steps=(*record.steps, *steps.done),
            paused_s=max(record.paused_s, steps.paused_s),
            old_name=old.database,
            new_name=new.database,
            outcome="crossed",
        )
    return Sides(source=old, target=new, environment=sides.environment)


async def open_side(ctx: Context, sides: Sides, record: CrossingRecord) -> None:
    """What was taken off its tables comes back, then anybody may write. It was decided. Again is no error.

    Raises ``Busy`` where another process has come to the end of it.
    """
    _, side = _direction(sides, record)
    async with claimed(ctx, sides.target, record):
        await tighten(ctx, side)
        async with ctx.connect(side) as connection, altering(ctx, side, connection):
            await lift_fence(connection)
