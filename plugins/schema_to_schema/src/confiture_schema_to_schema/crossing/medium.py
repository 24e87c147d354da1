"""The mediums ``schema-to-schema-cutover`` and ``schema-to-schema-rollback``."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from confiture.errors import Busy, ConfitureError, Refused
from confiture.model import Note
from confiture.sides import shown_side
from confiture.transfer import set_local
from confiture_schema_to_schema.crossing.closing import with_left
from confiture_schema_to_schema.crossing.crossing import cross
from confiture_schema_to_schema.crossing.gate import check_switch
from confiture_schema_to_schema.crossing.opening import find_run, open_way
from confiture_schema_to_schema.crossing.places import live_side, locate
from confiture_schema_to_schema.crossing.reporting import report_of
from confiture_schema_to_schema.crossing.settling import find_switch, is_cut, recover
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.following.waiting import LOCK_LIMIT
from confiture_schema_to_schema.model import CutoverReport, CutoverRequest, RollbackRequest
from confiture_schema_to_schema.sides import find_sides, lock_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from confiture.protocols import Context
    from confiture_schema_to_schema.crossing.state import Direction
    from confiture_schema_to_schema.values import Sides

__all__ = ["CutoverMedium", "RollbackMedium", "crossing_lock"]

_ENDED: Final = "who followed has ended for it; to follow again: confiture migrate schema-to-schema follow"
#: Nobody follows, or he ends his batch first. Some 60 s, in so many attempts.
_TAKE_OVER_S: Final = (0.0, 2.0, 4.0, 8.0, 16.0, 30.0)


def crossing_lock(run_id: str) -> str:
    """The lock of who crosses: it stays the same when the databases are given other names."""
    return f"schema-to-schema run {run_id}"


class CutoverMedium:
    """Makes the new database the live one. One instance may serve several runs."""

    request_type: type[CutoverRequest] = CutoverRequest
    _direction: ClassVar[Direction] = "cutover"

    async def run(self, ctx: Context, request: CutoverRequest) -> CutoverReport:
        """Cross, or end a crossing that was killed.

        Raises ``Refused`` where there is nothing to cross, ``Busy`` for what is in the way and passes, ``ProofFailed``
        where the sides are not the same. Nothing has changed then.
        """
        sides = await locate(ctx, await find_sides(ctx, request))
        run = await find_run(ctx, sides)
        async with ctx.lock(sides.target, crossing_lock(run.run_id)):
            cut = await is_cut(ctx, sides)
            if not cut:  # who follows goes on where this is refused
                await self._look(ctx, sides, request)
            async with _taken_over(ctx, sides, run.run_id) as followed:
                if cut and (recovered := await recover(ctx, sides)) is not None:
                    record, sides = recovered
                    if record.outcome == "crossed" and record.direction == self._direction:
                        return report_of(record, sides)
                    await self._look(ctx, sides, request)
                way = await open_way(ctx, sides, run, request.mapping, self._direction)
                if run.tables:
                    named = f"{', '.join(run.tables)} alone: other tables of {shown_side(way.live)!r} stay open"
                    ctx.emit(Note(message=f"this migration is of {named}"))
                report = await cross(ctx, await with_left(ctx, way), request)
                return msgspec.structs.replace(report, took_over=followed)

    async def _look(self, ctx: Context, sides: Sides, request: CutoverRequest) -> None:
        """Raise ``Refused`` where the other side is live already, or the switch finds something in its way."""
        live = await live_side(ctx, sides)
        if live != ("old" if self._direction == "cutover" else "new"):
            shown = shown_side(sides.source if live == "old" else sides.target)
            raise Refused(
                f"{shown!r} is the live database already",
                hint="`confiture migrate schema-to-schema status` says which one is, and since when",
            )
        if (switch := find_switch(ctx, request.switch, request.command)) is not None:
            one, other = (sides.source, sides.target) if live == "old" else (sides.target, sides.source)
            await check_switch(ctx, switch, one, other)


class RollbackMedium(CutoverMedium):
    """Makes the old database the live one again, with what was written to the new one meanwhile."""

    request_type: type[CutoverRequest] = RollbackRequest
    _direction: ClassVar[Direction] = "rollback"


@asynccontextmanager
async def _taken_over(ctx: Context, sides: Sides, run_id: str) -> AsyncIterator[bool]:
    """The lock of whoever follows, and whether there was one. Raises ``Busy`` where it is not given away.

    Asked for several times: who began to follow in the same moment has not seen the first.
    """
    for times, wait_s in enumerate(_TAKE_OVER_S):
        await _ask_to_end(ctx, sides, run_id)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(ctx.lock(sides.target, lock_name(sides), wait_s=wait_s))
            except Busy:
                if wait_s == _TAKE_OVER_S[-1]:
                    raise
                continue
            try:
                yield times > 0
            except ConfitureError:
                if times:
                    ctx.emit(Note(message=_ENDED))
                raise
            return


async def _ask_to_end(ctx: Context, sides: Sides, run_id: str) -> None:
    """Whoever follows, in either direction, ends his batch and goes. Who is stopped in one is named by the lock."""
    import asyncpg

    for side in (sides.target, sides.source):
        state = follow_state_of(ctx)
        async with ctx.connect(side) as connection:
            if await state.read(connection, run_id) is None:
                continue
            with suppress(asyncpg.LockNotAvailableError):
                async with ctx.transaction(connection):
                    await set_local(connection, LOCK_LIMIT)
                    await state.ask_to_end(connection, run_id)
