"""The medium ``schema-to-schema-pause``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import DatabaseNotFound, Refused
from confiture.sides import shown_side
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.model import PauseReport, PauseRequest
from confiture_schema_to_schema.sides import find_sides
from confiture_schema_to_schema.status.reading import is_running

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["PauseMedium"]


class PauseMedium:
    """Tells the process that copies, through the state on the target. One instance may serve several runs."""

    request_type: type[PauseRequest] = PauseRequest

    async def run(self, ctx: Context, request: PauseRequest) -> PauseReport:
        """It waits before its next chunk, or goes on. Raises ``Refused`` where no migration is unfinished."""
        sides = await find_sides(ctx, request)
        shown = shown_side(sides.target)
        try:
            async with ctx.connect(sides.target) as connection:
                run = await state_of(ctx).pause(connection, paused=request.paused)
        except DatabaseNotFound:
            run = None
        if run is None:
            raise Refused(
                f"there is no unfinished migration into {shown!r} to {'pause' if request.paused else 'go on with'}",
                hint="`confiture migrate schema-to-schema status` says what there is",
            )
        return PauseReport(
            target=shown, paused=request.paused, running=await is_running(ctx, sides, run), run_id=run.run_id
        )
