"""A run that was copied, as its record on the target has it: the same map, the same tables, the same capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.errors import CaptureBroken, DatabaseNotFound, Refused
from confiture.model import TransferSurvey
from confiture.sides import shown_side
from confiture.transfer import read_identity, reading
from confiture_schema_to_schema.capturing import Watch, changed_tables, plan_watch
from confiture_schema_to_schema.checking import refuse
from confiture_schema_to_schema.copying.records import PartRecord, RunRecord, part_digest
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.following.state import FollowRecord, follow_state_of
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.opening import compiled
from confiture_schema_to_schema.values import Job, PartPlan, Sides

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Reopened", "reopened"]


class Reopened(msgspec.Struct, frozen=True, kw_only=True):
    """A run that can be followed. ``job.old.fingerprints`` are those of its beginning."""

    job: Job
    watch: Watch
    run: RunRecord
    record: FollowRecord


async def reopened(ctx: Context, sides: Sides, mapping: str | None = None) -> Reopened:
    """The last run into the target, where all its rows are there and its changes are captured.

    Raises ``Refused`` where there is none, where it is not copied yet or not captured, and where map or source are
    other ones; ``CaptureBroken`` naming tables that have changed since, save by columns that were added.
    """
    shown = shown_side(sides.target)
    run, parts, record = await _recorded(ctx, sides)
    if run is None:
        raise Refused(
            f"there is no migration into {shown!r}", hint="begin one: `confiture migrate schema-to-schema start`"
        )
    if run.finished is None:
        raise Refused(
            f"the migration into {shown!r} has not copied all its rows",
            hint="see `confiture migrate schema-to-schema status`; go on with it: "
            "`confiture migrate schema-to-schema resume`",
        )
    if record is None:
        raise Refused(
            f"the changes of {shown_side(sides.source)!r} are not captured since the migration into {shown!r} began",
            hint='it was begun with `capture = "none"` under [schema-to-schema] in confiture.toml: name a capture '
            "there, drop the new database, and begin anew",
        )
    async with reading(ctx, sides.source) as connection:
        if _place(await read_identity(connection)) != _place(run.source):
            raise Refused(
                f"the migration into {shown!r} was begun from another database than {shown_side(sides.source)!r}",
                hint="name the one that it was begun from with --from",
            )
    map_ = read_map(ctx, mapping or run.mapping)
    job, findings = await compiled(
        ctx, sides, sides.target, map_, strategy=run.strategy, tables=run.tables, run_id=run.run_id
    )
    _refuse_changes(job, run)
    # A column that was added since is in none of the queries, and stays behind.
    refuse(tuple(finding for finding in findings if finding.check != "unmapped"))
    job = _planned(job, parts)
    job = msgspec.structs.replace(
        job, old=msgspec.structs.replace(job.old, fingerprints={**job.old.fingerprints, **run.fingerprints})
    )
    watch, more = plan_watch(job, record.capture)
    refuse(more)
    return Reopened(job=job, watch=msgspec.structs.replace(watch, name=record.name), run=run, record=record)


def _place(identity: str) -> list[str]:
    """Without the database's name: a cutover may have given it another one."""
    parts = identity.split("/")
    return parts[: 3 if parts[0].isdigit() else 2]


async def _recorded(ctx: Context, sides: Sides) -> tuple[RunRecord | None, tuple[PartRecord, ...], FollowRecord | None]:
    state = state_of(ctx)
    try:
        async with ctx.connect(sides.target) as connection:
            run = await state.latest(connection)
            if run is None:
                return None, (), None
            parts = await state.read_parts(connection, run.run_id)
            return run, parts, await follow_state_of(ctx).read(connection, run.run_id)
    except DatabaseNotFound:
        return None, (), None


def _planned(job: Job, parts: tuple[PartRecord, ...]) -> Job:
    """With the engines that the parts were copied by. Raises ``Refused`` where they are not the same parts."""
    recorded = {part.part: part for part in parts}
    plans = []
    differing = {part.target for part in parts} - {table.label for table in job.tables}
    for table in job.tables:
        for part in table.parts:
            known = recorded.get(part.number)
            engine = known.engine if known is not None else ""
            plan = PartPlan(
                part=part,
                source=job.old.tables[part.source],
                target=table.table,
                engine=engine,
                survey=TransferSurvey(engine=engine),
            )
            if known is None or (known.target, known.digest) != (part.target, part_digest(plan)):
                differing.add(part.target)
            plans.append(plan)
    if differing or len(plans) != len(parts):
        raise Refused(
            f"the map is not the one that the migration into {shown_side(job.sides.target)!r} was begun with: "
            f"{', '.join(sorted(differing))}",
            hint="go on with the map that it was begun with; another one needs a new copy: drop the new database, and "
            "begin anew",
        )
    return msgspec.structs.replace(job, plans=tuple(sorted(plans, key=lambda plan: plan.part.number)))


def _refuse_changes(job: Job, run: RunRecord) -> None:
    parts = [part for table in job.tables for part in table.parts]
    changed = changed_tables(run.fingerprints, job.old.fingerprints, parts, captured=True)
    if changed:
        raise CaptureBroken(
            f"tables of {shown_side(job.sides.source)!r} have changed since the migration began: {', '.join(changed)}",
            hint="what is in the new database need not be what the map gives of them any more: take the change back, "
            "or drop the new database, and begin anew",
        )
