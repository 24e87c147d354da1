"""What a crossing needs to know: the run, its job and its capture, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.errors import DatabaseNotFound, Refused
from confiture.sides import shown_side
from confiture_schema_to_schema.capturing import plan_watch
from confiture_schema_to_schema.checking import refuse
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.crossing.ways import Way
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.opening import compiled

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.copying.records import RunRecord
    from confiture_schema_to_schema.crossing.state import Direction
    from confiture_schema_to_schema.values import Job, Sides

__all__ = ["find_run", "open_way", "way_back"]

_NO_RUN = "begin one: `confiture migrate schema-to-schema start`"


async def find_run(ctx: Context, sides: Sides) -> RunRecord:
    """The migration into the new database. Raises ``Refused`` where there is none."""
    try:
        async with ctx.connect(sides.target) as connection:
            run = await state_of(ctx).latest(connection)
    except DatabaseNotFound:
        run = None
    if run is None:
        raise Refused(f"there is no migration into {shown_side(sides.target)!r}", hint=_NO_RUN)
    return run


def way_back(job: Job, capture: str) -> tuple[Job | None, Watch | None, tuple[str, ...]]:
    """The job that leads back and what has to be captured for it; or no job, and the reasons."""
    from confiture_schema_to_schema.reversing import reverse_job

    back, sentences = reverse_job(job)
    if sentences:
        return None, None, tuple(sentences)
    watch, findings = plan_watch(back, capture)
    if errors := tuple(finding.message for finding in findings if finding.level == "error"):
        return None, None, errors
    # A slot is of the whole server: its name must be another one than that of the way there.
    return back, msgspec.structs.replace(watch, name=f"{watch.name}_back"), ()


async def open_way(ctx: Context, sides: Sides, run: RunRecord, mapping: str | None, direction: Direction) -> Way:
    """Everything that is known before anything is done. ``sides``: as :func:`.places.locate` says.

    Raises ``Refused`` where the copy is not finished, where its changes are not captured, and for a rollback where the
    map cannot be inverted.
    """
    shown = shown_side(sides.target)
    if run.finished is None:
        raise Refused(
            f"the copy into {shown!r} is not finished",
            hint="`confiture migrate schema-to-schema resume` goes on with it",
        )
    async with ctx.connect(sides.target) as connection:
        follow = await follow_state_of(ctx).read(connection, run.run_id)
    if follow is None:
        raise Refused(
            f"what changes since the copy into {shown!r} began is not captured: nobody could bring it over",
            hint='choose a capture before the start: `capture = "triggers"` under [schema-to-schema]',
        )
    map_ = read_map(ctx, mapping or run.mapping)
    job, findings = await compiled(
        ctx, sides, sides.target, map_, strategy=run.strategy, tables=run.tables, run_id=run.run_id
    )
    watch, more = plan_watch(job, follow.capture)
    refuse((*findings, *more))
    watch = msgspec.structs.replace(watch, name=follow.name)
    back, back_watch, sentences = way_back(job, follow.capture)
    if direction == "cutover":
        return Way(
            direction=direction,
            sides=sides,
            run_id=run.run_id,
            job=job,
            watch=watch,
            back=back,
            back_watch=back_watch,
            not_reversible=sentences,
        )
    if back is None or back_watch is None:
        raise Refused(
            f"what was written to {shown!r} cannot be brought back: {'; '.join(sentences)}",
            hint="give the map the way back (`reverse`); what is in the old database is as it was at the cutover",
        )
    return Way(
        direction=direction,
        sides=sides,
        run_id=run.run_id,
        job=back,
        watch=back_watch,
        back=job,
        back_watch=watch,
    )
