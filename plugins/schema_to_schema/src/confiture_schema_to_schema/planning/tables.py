"""Each part as the plan shows it, and how long all of them take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.estimating import RATES
from confiture_schema_to_schema.copying.splitting import cut_by_place
from confiture_schema_to_schema.model import PlannedTable
from confiture_schema_to_schema.planning.engines import task_for
from confiture_schema_to_schema.planning.measuring import WORTH_ROWS

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.sizing import Sizing
    from confiture_schema_to_schema.planning.estimating import Estimate
    from confiture_schema_to_schema.planning.measuring import Rate
    from confiture_schema_to_schema.values import Job, Part, PartPlan

__all__ = ["Times", "planned_tables", "times_of"]

#: What a table costs, however few rows it has.
_TABLE_S: Final = 0.03
#: Workers share both servers and the line: each but the first counts for so much.
_FURTHER_WORKER: Final = 0.5


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of the phases. ``copying`` None: nobody measured. The others by rates that were measured once."""

    copying: float | None
    indexing: float
    validating: float

    @property
    def all(self) -> float | None:
        """Until all is copied, indexed and checked."""
        return None if self.copying is None else self.copying + self.indexing + self.validating


def planned_tables(
    ctx: Context,
    job: Job,
    target: Target,
    sizing: Sizing,
    estimates: Mapping[int, Estimate],
    rates: Mapping[int, Rate],
) -> tuple[PlannedTable, ...]:
    """Every part, in the order of the new database's tables; those that no engine was asked for as far as is known."""
    plans = {plan.part.number: plan for plan in job.plans}
    found: list[PlannedTable] = []
    for part in (part for table in job.tables for part in table.parts):
        plan, rate = plans.get(part.number), rates.get(part.number)
        rows = estimates[part.number].rows
        found.append(
            PlannedTable(
                table=part.target,
                source=part.source,
                query=part.query,
                engine=plan.engine if plan is not None else (part.map and part.map.strategy) or job.strategy,
                because=_because(plan),
                key=part.key,
                snapshot="per chunk" if part.key else "one",
                rows=rows,
                bytes=job.old.tables[part.source].bytes + job.old.tables[part.source].toast,
                chunks=1 if plan is None else _chunks(ctx, job, target, sizing, plan),
                rows_per_second=rate.rows_per_second if rate else None,
                bytes_per_second=rate.bytes_per_second if rate else None,
                seconds=_TABLE_S + rows / rate.rows_per_second if rate and rate.rows_per_second else None,
                locks=plan.survey.locks if plan is not None else (),
                irreversible=part.irreversible,
            )
        )
    return tuple(found)


def _because(plan: PartPlan | None) -> str:
    if plan is None:
        return "which was not asked: see the errors"
    if plan.survey.obstacle is not None:
        return f"which cannot: {plan.survey.obstacle}"
    return plan.survey.because or "as the strategy says"


def _chunks(ctx: Context, job: Job, target: Target, sizing: Sizing, plan: PartPlan) -> int:
    """As many as the copy will make, about: ranges of keys are cut by samples of them."""
    part = plan.part
    # An id of a snapshot that is none: who takes tasks with one says so from what they look like.
    task = msgspec.structs.replace(task_for(job, part, target), snapshot="0-0-0")
    return sizing.chunks(plan) if part.key or cut_by_place(ctx, plan, sizing, task) else 1


def times_of(job: Job, tables: Sequence[PlannedTable], estimates: Mapping[int, Estimate], sizing: Sizing) -> Times:
    """How long the phases take, where the servers have nothing else to do."""
    workers = 1 + (sizing.workers - 1) * _FURTHER_WORKER
    copying: float | None = None
    if all(table.seconds is not None or table.rows < WORTH_ROWS for table in tables):
        each = [table.seconds or _TABLE_S for table in tables]
        alone = [seconds for seconds, table in zip(each, tables, strict=True) if table.chunks == 1]
        copying = max(sum(each) / workers, max(alone, default=0.0))
        if sizing.bytes_per_second is not None:
            copying = max(copying, sum(map(_travelling, tables)) / sizing.bytes_per_second)
    parts: dict[str, list[Part]] = {table.label: list(table.parts) for table in job.tables}
    sizes = {label: sum(estimates[part.number].table_bytes for part in some) for label, some in parts.items()}
    return Times(
        copying=copying,
        indexing=sum(estimate.index_bytes for estimate in estimates.values()) / RATES["rebuild"] / workers,
        validating=sum(sizes[table.label] * len(table.table.foreign_keys) for table in job.tables) / RATES["scan"],
    )


def _travelling(table: PlannedTable) -> float:
    if table.rows_per_second and table.bytes_per_second:
        return table.rows * table.bytes_per_second / table.rows_per_second
    return float(table.bytes)
