"""All tables through the transfer engine, largest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.hooks import TRANSFER
from confiture.model import TransferTask
from confiture_sync.load import Loader
from confiture_sync.model import TableReport
from confiture_sync.planning import shown_plan
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["copy_tables"]

_ENGINE = "copy"


async def copy_tables(ctx: Context, job: Job, plans: Sequence[TablePlan], loader: Loader) -> tuple[TableReport, ...]:
    """Copy them, and say how it went. What an engine raises comes out as it is."""
    import msgspec

    reports = []
    for plan in plans:
        task = TransferTask(
            source=job.source,
            target=job.target,
            table=plan.target.sql,
            columns=plan.masked.columns,
            query=plan.masked.query if plan.selection is None else plan.masked.where(plan.selection.condition),
            estimated_rows=plan.table.rows,
            snapshot=job.snapshot.id,
            settings={
                **job.key.settings,
                **({} if plan.selection is None else plan.selection.settings),
            },
            before=loader.before(plan),
            after=loader.after(plan),
            step=f"sync.{plan.label}",
        )
        done = await ctx.get(TRANSFER, _ENGINE).transfer(ctx, task, plan.masked.masks)
        reports.append(
            msgspec.structs.replace(
                shown_plan(plan), rows=done.rows, bytes=done.bytes, seconds=done.seconds, binary=done.binary
            )
        )
    return tuple(reports)
