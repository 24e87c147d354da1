"""What a crossing needs to know: the run, its job and its capture, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.errors import DatabaseNotFound, Irreversible, Refused
from confiture.sides import shown_side
from confiture_schema_to_schema.capturing import plan_watch
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.crossing.ways import Way
from confiture_schema_to_schema.following.opening import reopened

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
    try:
        from confiture_schema_to_schema.reversing import reverse_job
    except ImportError:
        return None, None, ("no way back yet",)
    back, sentences = reverse_job(job)
    if sentences:
        return None, None, tuple(sentences)
    watch, findings = plan_watch(back, capture)
    if errors := tuple(finding.message for finding in findings if finding.level == "error"):
        return None, None, errors
    # A slot is of the whole server: its name must be another one than that of the way there.
    return back, msgspec.structs.replace(watch, name=f"{watch.name}_back", back=True), ()


async def open_way(ctx: Context, sides: Sides, run: RunRecord, mapping: str | None, direction: Direction) -> Way:
    """Everything that is known before anything is done. ``sides``: as :func:`.places.locate` says.

    Raises as :func:`.following.opening.reopened`, and ``Irreversible`` for a rollback where the map cannot be inverted.
    """
    found = await reopened(ctx, sides, mapping)
    job, watch = found.job, found.watch
    back, back_watch, sentences = way_back(job, watch.capture)
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
        raise Irreversible(
            f"what was written to {shown_side(sides.target)!r} cannot be brought back: {'; '.join(sentences)}",
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
