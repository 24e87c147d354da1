"""What a crossing needs to know: the run, its job and its capture, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.errors import DatabaseNotFound, Refused
from confiture.sides import shown_side
from confiture_schema_to_schema.capturing import Watch, plan_watch
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.crossing.losing import loss_watch
from confiture_schema_to_schema.crossing.ways import Way
from confiture_schema_to_schema.following.opening import reopened
from confiture_schema_to_schema.reversing import unfilled_tables
from confiture_schema_to_schema.values import Job

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.records import RunRecord
    from confiture_schema_to_schema.crossing.state import Direction
    from confiture_schema_to_schema.values import Sides

__all__ = ["WayBack", "find_run", "open_way", "way_back"]

#: So many tables are named.
_NAMED = 5
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


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """``job`` brings back what it can, by what ``watch`` captures; both may have no tables. ``lost``: labels of the
    new tables whose rows do not come back, all or some of them, for the reasons in ``sentences``."""  # noqa: D205, D209

    job: Job
    watch: Watch
    lost: tuple[str, ...]
    sentences: tuple[str, ...]


def way_back(job: Job, capture: str) -> WayBack:
    """What leads back from the new database, table by table of the old one."""
    from confiture_schema_to_schema.reversing import lost_tables, only_tables, reverse_job

    back, sentences = reverse_job(job)
    watch, findings = plan_watch(back, capture)
    if errors := [finding for finding in findings if finding.level == "error"]:
        wrong = {finding.table for finding in errors}
        back = only_tables(job, back, [table for table in back.tables if table.label not in wrong])
        watch, _ = plan_watch(back, capture)
        sentences += tuple(dict.fromkeys(f"nothing leads back to {each.table}: {each.message}" for each in errors))
    return WayBack(
        job=back,
        # A slot is of the whole server: its name must be another one than that of the way there.
        watch=msgspec.structs.replace(watch, name=f"{watch.name}_back", back=True),
        lost=lost_tables(job, back),
        sentences=sentences,
    )


async def open_way(ctx: Context, sides: Sides, run: RunRecord, mapping: str | None, direction: Direction) -> Way:
    """Everything that is known before anything is done. ``sides``: as :func:`.places.locate` says.

    Raises as :func:`.following.opening.reopened`.
    """
    found = await reopened(ctx, sides, mapping)
    job, watch = found.job, found.watch
    back = way_back(job, watch.capture)
    # Of a migration of some tables alone, the others of the new database are in nobody's hands but its owner's.
    unfilled = () if run.tables else unfilled_tables(job)
    sentences = (*back.sentences, *_unfilled_sentence(unfilled))
    losses = loss_watch(job, (*back.lost, *unfilled), watch)
    if direction == "cutover":
        there = bool(back.job.tables)
        return Way(
            direction=direction,
            sides=sides,
            run_id=run.run_id,
            job=job,
            watch=watch,
            back=back.job if there else None,
            back_watch=back.watch if there else None,
            not_reversible=sentences,
            losses=losses,
            unfilled=unfilled,
        )
    return Way(
        direction=direction,
        sides=sides,
        run_id=run.run_id,
        job=back.job,
        watch=back.watch,
        back=job,
        back_watch=watch,
        not_reversible=sentences,
        losses=losses,
        unfilled=unfilled,
    )


def _unfilled_sentence(labels: tuple[str, ...]) -> tuple[str, ...]:
    if not labels:
        return ()
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    named = ", ".join(labels[:_NAMED]) + more
    return (f"rollback loses writes since cutover in {named}: no table of the old database takes such rows",)
