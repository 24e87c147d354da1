"""What a plan and a start have in common: both schemas read, the map compiled, every part given its engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.transfer import reading
from confiture_schema_to_schema.cataloguing import read_catalog
from confiture_schema_to_schema.checking import preflight
from confiture_schema_to_schema.compiling import compile_map
from confiture_schema_to_schema.creating import new_schema
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.planning import plan_parts
from confiture_schema_to_schema.reversing import with_the_way_back
from confiture_schema_to_schema.values import Job, MigrationMap, Sides

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["Opened", "compiled", "opened"]


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is ready to begin, where ``findings`` has no error. ``target``: the new schema, real or scratch."""

    job: Job
    target: Target
    exists: bool
    findings: tuple[Finding, ...]

    @property
    def compiled(self) -> bool:
        """Whether the map could be compiled: else there is nothing to ask further questions about."""
        return bool(self.job.plans) or not any(finding.level == "error" for finding in self.findings)


async def compiled(
    ctx: Context, sides: Sides, target: Target, map_: MigrationMap, *, strategy: str, tables: Sequence[str], run_id: str
) -> tuple[Job, tuple[Finding, ...]]:
    """Read both catalogs (``target`` has the new schema) and compile the map."""
    own = ctx.settings("migrations", MigrationsConfig).schema
    async with reading(ctx, sides.source) as source, reading(ctx, target) as other:
        old = await read_catalog(source, own_schema=own)
        new = await read_catalog(other, own_schema=own)
        targets, findings = await compile_map(source, other, old, new, map_, tables)
        targets, more = await with_the_way_back(other, old, new, targets, map_)
    job = Job(sides=sides, map=map_, old=old, new=new, tables=targets, strategy=strategy, run_id=run_id)
    return job, (*findings, *more)


@asynccontextmanager
async def opened(
    ctx: Context,
    sides: Sides,
    map_: MigrationMap,
    *,
    strategy: str,
    tables: Sequence[str],
    run_id: str,
    rows: bool,
    sample: bool = True,
    unmapped: bool = True,
) -> AsyncIterator[Opened]:
    """Everything that is known before anything is changed. A scratch database lasts as long as the block.

    ``unmapped`` False: what the map says nothing of has come since it was looked at, and stays behind.
    ``rows``: look at the rows for those that the new schema would not take. ``sample``: engines may read some, to
    measure how fast they are.
    """
    async with new_schema(ctx, sides) as (target, exists):
        job, findings = await compiled(ctx, sides, target, map_, strategy=strategy, tables=tables, run_id=run_id)
        if not unmapped:
            findings = tuple(finding for finding in findings if finding.check != "unmapped")
        if not any(finding.level == "error" for finding in findings):
            plans, more = await plan_parts(ctx, job, target, stands_for=None if exists else sides.target, sample=sample)
            job = msgspec.structs.replace(job, plans=plans)
            findings = (*findings, *more, *await preflight(ctx, job, target, exists=exists, rows=rows))
        yield Opened(job=job, target=target, exists=exists, findings=findings)
