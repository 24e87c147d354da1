"""Asks the engines which parts they can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.hooks import TRANSFER
from confiture.model import TransferSurvey, TransferTask
from confiture.protocols import SurveyingEngine
from confiture_schema_to_schema.listing import listed
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import Job, Part, PartPlan

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["plan_parts", "task_for"]


def task_for(job: Job, part: Part, target: Target) -> TransferTask:
    """The whole of a part as one task, into the new database or the scratch one that stands for it."""
    return TransferTask(
        source=job.sides.source,
        target=target,
        table=job.new.tables[part.target].sql,
        columns=part.columns,
        query=part.query,
        estimated_rows=job.old.tables[part.source].rows,
        binary=part.binary,
    )


async def plan_parts(
    ctx: Context, job: Job, target: Target, *, stands_for: Target | None = None, sample: bool = True
) -> tuple[tuple[PartPlan, ...], tuple[Finding, ...]]:
    """The engine of each part, by the map, else by ``job.strategy``; errors where an engine cannot do what it is to.

    ``target`` is the new database, or a scratch one that ``stands_for`` it. ``sample`` False: no rows are read. An
    engine that chooses among others is asked here and no more: a plan names the one that moves the rows. Raises
    ``UnknownProvider`` for an engine that is not installed, with the names of those that are.
    """
    parts = [part for table in job.tables for part in table.parts]
    by_engine: dict[str, list[Part]] = {}
    for part in parts:
        by_engine.setdefault((part.map and part.map.strategy) or job.strategy, []).append(part)
    surveys: dict[int, TransferSurvey] = {}
    for name, some in by_engine.items():
        surveys |= await _ask(ctx, name, job, some, target, stands_for=stands_for, sample=sample)
    plans: list[PartPlan] = []
    obstacles: dict[tuple[str, str, str | None], list[Part]] = {}
    for part in parts:
        survey = surveys[part.number]
        if survey.obstacle is not None:
            obstacles.setdefault((survey.engine, survey.obstacle, survey.hint), []).append(part)
        source, into = job.old.tables[part.source], job.new.tables[part.target]
        plans.append(PartPlan(part=part, source=source, target=into, engine=survey.engine, survey=survey))
    return tuple(plans), tuple(_in_the_way(*what, some) for what, some in obstacles.items())


def _in_the_way(engine: str, obstacle: str, hint: str | None, parts: Sequence[Part]) -> Finding:
    return Finding(
        level="error",
        check="engine",
        table=parts[0].target if len(parts) == 1 else "",
        message=f"the engine {engine!r} cannot copy {listed([part.label for part in parts])}: {obstacle}",
        hint=hint or "give the table another engine: `strategy` in the map, or --strategy",
    )


async def _ask(
    ctx: Context, name: str, job: Job, parts: Sequence[Part], target: Target, *, stands_for: Target | None, sample: bool
) -> Mapping[int, TransferSurvey]:
    """What the engine says of each part, by its number. One that cannot be asked for reasons is asked whether."""
    engine = ctx.get(TRANSFER, name)
    tasks = [task_for(job, part, target) for part in parts]
    if isinstance(engine, SurveyingEngine):
        surveys = await engine.survey(ctx, tasks, stands_for=stands_for, sample=sample)
    else:
        surveys = [
            TransferSurvey(engine=name, obstacle=None if engine.accepts(task) else "it does not take this query")
            for task in tasks
        ]
    return {part.number: survey for part, survey in zip(parts, surveys, strict=True)}
