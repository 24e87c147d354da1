"""How fast each part's engine moves its rows: what it said itself, else a timed sample."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.errors import ConfitureError
from confiture.hooks import TRANSFER
from confiture.model import Progress, StepFinished, StepStarted
from confiture.transfer import timed_sample
from confiture_schema_to_schema.configuring import SECTION
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.planning.engines import task_for

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.planning.estimating import Estimate
    from confiture_schema_to_schema.values import Job, PartPlan

__all__ = ["WORTH_ROWS", "Rate", "measure"]

#: Fewer rows are copied before a sample of them would be over.
WORTH_ROWS: Final = 5_000
_SAMPLE_ROWS: Final = 500_000
#: For all samples together: the largest tables come first, and what is not measured is told.
_ALTOGETHER_S: Final = 60.0
_STEP: Final = f"{SECTION}.sample"


class Rate(msgspec.Struct, frozen=True):
    """Rows a second, and bytes as they travel."""

    rows_per_second: float
    bytes_per_second: float | None


async def measure(
    ctx: Context, job: Job, target: Target, estimates: Mapping[int, Estimate]
) -> tuple[Mapping[int, Rate], tuple[Finding, ...]]:
    """The rate of each part of more than a few rows, by its number; a warning where a sample failed.

    ``target`` has the new schema; what is written there is taken back.
    """
    rates: dict[int, Rate] = {}
    waiting: list[PartPlan] = []
    for plan in job.plans:
        survey = plan.survey
        if survey.rows_per_second is not None:
            rates[plan.part.number] = Rate(survey.rows_per_second, survey.bytes_per_second)
        elif estimates[plan.part.number].rows >= WORTH_ROWS and plan.part.whole is None and survey.obstacle is None:
            waiting.append(plan)
    if not waiting:
        return rates, ()
    findings: list[Finding] = []
    began = time.monotonic()
    ctx.emit(StepStarted(step=_STEP, label="measure rates on some rows"))
    waiting.sort(key=lambda plan: -estimates[plan.part.number].rows)
    for number, plan in enumerate(waiting):
        if time.monotonic() - began > _ALTOGETHER_S:
            break
        rate, finding = await _sampled(ctx, job, target, plan)
        if rate is not None:
            rates[plan.part.number] = rate
        if finding is not None:
            findings.append(finding)
        ctx.emit(Progress(step=_STEP, done=number + 1, total=len(waiting), unit="tables"))
    ctx.emit(StepFinished(step=_STEP, seconds=time.monotonic() - began))
    return rates, tuple(findings)


async def _sampled(ctx: Context, job: Job, target: Target, plan: PartPlan) -> tuple[Rate | None, Finding | None]:
    engine = ctx.get(TRANSFER, plan.engine)
    try:
        sample = await timed_sample(ctx, engine, task_for(job, plan.part, target), rows=_SAMPLE_ROWS)
    except ConfitureError as error:
        return None, Finding(
            level="warning",
            check="engine",
            table=plan.part.target,
            message=f"some rows of {plan.part.label!r} were tried with the engine {plan.engine!r}: {error.message}",
            hint=error.hint or "the copy may fail in the same way",
        )
    if sample is None:
        return None, None
    return Rate(sample.rows_per_second, sample.bytes_per_second), None
