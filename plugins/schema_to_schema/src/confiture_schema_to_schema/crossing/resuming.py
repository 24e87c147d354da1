"""The medium ``schema-to-schema-settle``: ends a cutover or a rollback that was cut, and begins none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.errors import Refused
from confiture.sides import shown_side
from confiture_schema_to_schema.crossing.medium import crossing_lock
from confiture_schema_to_schema.crossing.opening import find_run
from confiture_schema_to_schema.crossing.places import locate
from confiture_schema_to_schema.crossing.reporting import report_of
from confiture_schema_to_schema.crossing.settling import NO_SWITCH, recover
from confiture_schema_to_schema.model import CutoverReport, SettleRequest
from confiture_schema_to_schema.sides import find_sides, lock_name

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["SettleMedium"]


class SettleMedium:
    """Rolls forward what was decided, and back what was not. One instance may serve several runs."""

    request_type: type[SettleRequest] = SettleRequest

    async def run(self, ctx: Context, request: SettleRequest) -> CutoverReport:
        """End it, and say which side is live. Raises ``Refused`` where none was cut, ``Busy`` where one is at work."""
        sides = await locate(ctx, await find_sides(ctx, request))
        run = await find_run(ctx, sides)
        async with (
            ctx.lock(sides.target, crossing_lock(run.run_id)),
            ctx.lock(sides.target, lock_name(sides)),
        ):
            recovered = await recover(ctx, sides, without_switch=request.switch == NO_SWITCH)
        if recovered is None:
            raise Refused(
                f"no cutover into {shown_side(sides.target)!r} was cut",
                hint="`confiture migrate schema-to-schema status` says what there is",
            )
        # To have taken it back is a success of this one.
        return msgspec.structs.replace(report_of(*recovered), exit_code=0)
