"""The medium ``schema-to-schema-status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from confiture.errors import DatabaseNotFound
from confiture.sides import shown_side
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.model import StatusReport, StatusRequest
from confiture_schema_to_schema.sides import find_sides
from confiture_schema_to_schema.status.live import find_again, read_after
from confiture_schema_to_schema.status.reading import is_running, read_rates, read_tables

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.records import RunRecord
    from confiture_schema_to_schema.copying.state import State
    from confiture_schema_to_schema.model import Phase
    from confiture_schema_to_schema.values import Sides

__all__ = ["StatusMedium", "read_status"]


class StatusMedium:
    """Reads the state on the target; on the source only what a cutover left. One instance may serve several runs."""

    request_type: type[StatusRequest] = StatusRequest

    async def run(self, ctx: Context, request: StatusRequest) -> StatusReport:
        """How far it is: while it runs, when it has ended, and when it was killed."""
        return await read_status(ctx, await find_again(ctx, await find_sides(ctx, request)))


async def read_status(ctx: Context, sides: Sides) -> StatusReport:
    """How far the last migration between ``sides`` is, which are as :func:`.live.find_again` says."""
    state = state_of(ctx)
    try:
        async with ctx.connect(sides.target) as connection, ctx.transaction(connection, readonly=True):
            run = await state.latest(connection)
    except DatabaseNotFound:
        run = None
    if run is None:
        return StatusReport(source=shown_side(sides.source), target=shown_side(sides.target), phase="none")
    return await _report(ctx, sides, state, run)


async def _report(ctx: Context, sides: Sides, state: State, run: RunRecord) -> StatusReport:
    running = await is_running(ctx, sides, run)
    after = await read_after(ctx, sides, run)
    async with (
        ctx.connect(sides.target) as connection,
        ctx.transaction(connection, isolation="repeatable_read", readonly=True),
    ):
        tables = await read_tables(connection, state, run, running=running)
        rates = await read_rates(connection, state, run) if running else None
    rows, estimated = sum(table.rows for table in tables), sum(table.estimated_rows for table in tables)
    per_second = rates[0] if rates else None
    ends = per_second and run.phase == "copying" and not run.paused
    return StatusReport(
        source=shown_side(sides.source),
        target=shown_side(sides.target),
        phase=cast("Phase", run.phase),
        run_id=run.run_id,
        strategy=run.strategy,
        running=running or after.running,
        paused=run.paused,
        waiting_for=run.waiting_for if running else None,
        attempt=run.attempt,
        started=run.started,
        finished=run.finished,
        tables=tables,
        rows=rows,
        estimated_rows=estimated,
        bytes=sum(table.bytes for table in tables),
        rows_per_second=per_second,
        bytes_per_second=rates[1] if rates else None,
        eta_seconds=(estimated - rows) / per_second if per_second and ends else None,
        last_error=run.last_error,
        live=after.live,
        following=after.following,
        crossings=after.crossings,
        losses=after.losses,
    )
