"""All tables through the transfer engine, largest first, by several workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import Busy, ConfigError, StatementFailed
from confiture.hooks import TRANSFER
from confiture.transfer import keep_connections, run_workers, worker_count
from confiture_sync.copying.chunks import split, task_of
from confiture_sync.copying.config import SyncConfig
from confiture_sync.copying.resuming import go_on
from confiture_sync.copying.running import Running
from confiture_sync.copying.state import TAKEN_OVER, ChunkRecord
from confiture_sync.copying.telling import Meters, TableMeter, Telling
from confiture_sync.model import TableReport
from confiture_sync.planning import shown_plan

if TYPE_CHECKING:
    from confiture.protocols import Context, TransferEngine
    from confiture_sync.load import Loader
    from confiture_sync.values import Job, TablePlan

__all__ = ["copy_tables"]


async def copy_tables(
    ctx: Context, job: Job, plans: Sequence[TablePlan], loader: Loader, run: Running
) -> tuple[TableReport, ...]:
    """Copy them, and say how it went. What an engine raises comes out as it is; what is complete by then stays."""
    config = ctx.settings("sync", SyncConfig)
    engine = ctx.get(TRANSFER, config.engine)
    workers = worker_count(job.request.jobs)
    async with job.snapshot.session() as connection:
        fresh = await split(connection, plans, lambda size: config.chunk_bytes(size, workers))
    done: Mapping[str, Sequence[ChunkRecord]] = {}
    todo: Mapping[str, Sequence[ChunkRecord]] = fresh
    if run.resumed:
        done, todo = await go_on(ctx, job, plans, run, fresh)
    else:
        async with ctx.connect(job.target) as connection:
            await run.state.plan_chunks(connection, run.run_id, [chunk for each in fresh.values() for chunk in each])
    meters = Meters(ctx, [TableMeter(plan, done.get(plan.label, ()), todo[plan.label]) for plan in plans])
    meters.begin()
    copying = _Copying(ctx, job, loader, run, engine, meters)
    await copying.run([(plan, chunk) for plan in plans for chunk in todo[plan.label]])
    meters.finish()
    return tuple(_report(meter) for meter in meters.tables.values())


class _Copying:
    """The workers, and what is left for them to do."""

    def __init__(
        self, ctx: Context, job: Job, loader: Loader, run: Running, engine: TransferEngine, meters: Meters
    ) -> None:
        self._ctx = ctx
        self._job = job
        self._loader = loader
        self._run = run
        self._engine = engine
        self._meters = meters
        self._waiting: deque[tuple[TablePlan, ChunkRecord]] = deque()

    async def run(self, chunks: Sequence[tuple[TablePlan, ChunkRecord]]) -> None:
        """Copy them in that order. The first worker that fails ends the others."""
        self._waiting.extend(chunks)
        await run_workers(self._job.request.jobs, len(chunks), self._work)

    async def _work(self) -> None:
        async with keep_connections(self._ctx, Telling(self._ctx, self._meters)) as ctx:
            while self._waiting:
                await self._copy(ctx, *self._waiting.popleft())

    async def _copy(self, ctx: Context, plan: TablePlan, chunk: ChunkRecord) -> None:
        run, loader = self._run, self._loader
        step = self._meters.start(chunk)
        task = task_of(
            self._job,
            plan,
            chunk,
            table=loader.table(plan),
            before=loader.before(plan),
            after=(*loader.after(plan), run.state.done(run.run_id, run.attempt, chunk, run.position.snapshot)),
            step=step,
        )
        if not self._engine.accepts(task, plan.masked.masks):
            raise ConfigError(
                f"the transfer engine cannot copy {plan.label!r}",
                hint="name another one: [sync] engine in confiture.toml",
            )
        try:
            report = await self._engine.transfer(ctx, task, plan.masked.masks)
        except StatementFailed as error:
            if error.sqlstate == TAKEN_OVER:
                async with ctx.connect(self._job.target) as connection:
                    if await run.state.is_taken_over(connection, run.run_id, run.attempt):
                        raise Busy(
                            f"another process goes on with this run into {self._job.target.label!r}, or has ended it",
                            hint="what this one copied is kept where it is complete: see to the other one",
                        ) from error
            raise
        self._meters.end(step, report)


def _report(meter: TableMeter) -> TableReport:
    return msgspec.structs.replace(
        shown_plan(meter.plan),
        rows=meter.rows,
        bytes=meter.bytes,
        seconds=meter.seconds,
        chunks=meter.chunks,
        binary=meter.binary,
    )
