"""All parts through their engines, largest first, by several workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.transfer import keep_connections, run_workers, worker_count
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.copying.beating import beating, taken_over
from confiture_schema_to_schema.copying.chunks import Copier
from confiture_schema_to_schema.copying.reporting import Copied, report
from confiture_schema_to_schema.copying.retrying import retrying
from confiture_schema_to_schema.copying.sizing import Sizing
from confiture_schema_to_schema.copying.source import refuse_changed_source
from confiture_schema_to_schema.copying.splitting import by_key, by_key_within, cut_by_place, undivided
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.copying.tasks import task_of_chunk
from confiture_schema_to_schema.copying.telling import Meters, Telling
from confiture_schema_to_schema.copying.throttle import Throttle
from confiture_schema_to_schema.copying.whole import copy_whole

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.records import ChunkRecord, PartRecord
    from confiture_schema_to_schema.creating import Staging
    from confiture_schema_to_schema.model import SchemaToSchemaRequest
    from confiture_schema_to_schema.values import Job, PartPlan

__all__ = ["copy_tables"]


async def copy_tables(
    ctx: Context, job: Job, request: SchemaToSchemaRequest, attempt: int, staging: Staging, *, captured: bool
) -> Copied:
    """Copy what is not yet copied, largest first, by several workers; ``staging.finish_table`` after the last chunk.

    ``captured``: something tells of what changes meanwhile.

    Raises ``Refused`` where a table of the source has changed meanwhile; what an engine raises comes out as it is.
    """
    copying = _Copying(ctx, job, request, attempt, staging, captured=captured)
    await retrying(ctx, "looking at the source", copying.check)
    async with beating(ctx, job, copying.state, attempt, copying.meters.under_way):
        await copying.begin()
        await copying.run()
    await retrying(ctx, "looking at the source", copying.check)
    return await retrying(ctx, "ending the copy", copying.end)


class _Copying:
    """The workers, and what is left for them to do."""

    def __init__(
        self, ctx: Context, job: Job, request: SchemaToSchemaRequest, attempt: int, staging: Staging, *, captured: bool
    ) -> None:
        config = ctx.settings(SECTION, SchemaToSchemaConfig)
        self._ctx = ctx
        self._job = job
        self._attempt = attempt
        self._captured = captured
        self._staging = staging
        self._jobs = worker_count(request.jobs if request.jobs is not None else config.jobs)
        self._sizing = Sizing.of(config, self._jobs, request.max_mb_per_second)
        self.state = state_of(ctx)
        self.meters = Meters(ctx, sorted({plan.part.target for plan in job.plans}))
        throttle = Throttle(job, self.state, attempt, config, bytes_per_second=self._sizing.bytes_per_second)
        self._copier = Copier(job, self.state, attempt, throttle, self.meters, self._sizing)
        self._plans = {plan.part.number: plan for plan in job.plans}
        self._waiting: deque[PartPlan] = deque()
        self._todo: deque[tuple[PartPlan, ChunkRecord]] = deque()
        self._open: dict[str, int] = {}
        self._unindexed: deque[str] = deque()
        self._slowest: dict[int, tuple[float, int]] = {}  # by part: seconds and estimated rows of a chunk

    async def check(self) -> None:
        """Whether the source is as it was."""
        await refuse_changed_source(self._ctx, self._job, captured=self._captured)

    async def begin(self) -> None:
        """Have chunks of all parts but those that are cut under a snapshot of their own."""
        parts = await retrying(self._ctx, "reading the state", self._read_parts)
        planned = {part.part for part in parts if part.planned}
        self._waiting.extend(
            plan for plan in self._job.plans if plan.part.number not in planned and not self._cut(plan)
        )
        await run_workers(self._jobs, len(self._waiting), self._plan)

    async def run(self) -> None:
        """Copy all of it."""
        parts = await retrying(self._ctx, "reading the state", self._read)
        self.meters.begin()
        await self._copy_whole(parts)
        for part in await retrying(self._ctx, "reading the state", self._read):
            if not part.indexed and not self._open[part.target] and part.target not in self._unindexed:
                self._unindexed.append(part.target)
        await run_workers(self._jobs, len(self._todo) + len(self._unindexed), self._work)
        self.meters.finish()

    async def end(self) -> Copied:
        """All rows are there."""
        async with self._ctx.connect(self._job.sides.target) as connection:
            if not await self.state.change(connection, self._job.run_id, self._attempt, phase="indexing"):
                raise taken_over(self._job)
            parts = await self.state.read_parts(connection, self._job.run_id)
            chunks = await self.state.read_chunks(connection, self._job.run_id)
        return report(self._job, parts, chunks, self._copier.snapshot_seconds, self._copier.whole_seconds)

    def _cut(self, plan: PartPlan) -> bool:
        (chunk,) = undivided(plan)
        return cut_by_place(self._ctx, plan, self._sizing, task_of_chunk(self._job, plan, chunk, snapshot="0-0-0"))

    async def _plan(self) -> None:
        """Write the chunks of parts that have none: those of small ones together, which cost no look at the source."""
        ctx = self._ctx
        small: list[ChunkRecord] = []
        while self._waiting:
            plan = self._waiting.popleft()
            if not plan.part.key or self._sizing.chunks(plan) < 2:
                small += undivided(plan)
                continue

            async def split(plan: PartPlan = plan) -> tuple[ChunkRecord, ...]:
                return await by_key(ctx, self._job, plan, self._sizing)

            await self._write(await retrying(ctx, f"cutting {plan.part.source!r} into chunks", split))
        if small:
            await self._write(small)

    async def _write(self, chunks: Sequence[ChunkRecord]) -> None:
        run_id = self._job.run_id
        async with self._ctx.connect(self._job.sides.target) as connection, self._ctx.transaction(connection):
            if not await self.state.change(connection, run_id, self._attempt):
                raise taken_over(self._job)
            await self.state.plan_chunks(connection, run_id, chunks)

    async def _read_parts(self) -> tuple[PartRecord, ...]:
        async with self._ctx.connect(self._job.sides.target) as connection:
            if not await self.state.change(connection, self._job.run_id, self._attempt, phase="copying"):
                raise taken_over(self._job)
            return await self.state.read_parts(connection, self._job.run_id)

    async def _read(self) -> tuple[PartRecord, ...]:
        """What is there and what is left, as the target knows it."""
        async with self._ctx.connect(self._job.sides.target) as connection:
            parts = await self.state.read_parts(connection, self._job.run_id)
            chunks = await self.state.read_chunks(connection, self._job.run_id)
            await self._copier.look(connection, parts, chunks)
        targets = {part.part: part.target for part in parts}
        by_target: dict[str, list[ChunkRecord]] = {part.target: [] for part in parts}
        for chunk in chunks:
            by_target[targets[chunk.part]].append(chunk)
        for label, some in by_target.items():
            self.meters.count(label, some)
            self._open[label] = sum(not chunk.done for chunk in some)
        todo = [(self._plans[chunk.part], chunk) for chunk in chunks if not chunk.done]
        todo.sort(key=lambda each: -(each[0].source.bytes + each[0].source.toast))
        self._todo = deque(todo)
        return parts

    async def _copy_whole(self, parts: Sequence[PartRecord]) -> None:
        cut = {plan.part.number for plan in self._job.plans if not plan.part.key and self._cut(plan)}
        for target in sorted({part.target for part in parts if part.part in cut}):
            some = [self._plans[part.part] for part in parts if part.target == target and part.part in cut]
            await copy_whole(self._ctx, self._job, self._copier, self._jobs, some)

    async def _work(self) -> None:
        async with keep_connections(self._ctx, Telling(self._ctx, self.meters)) as ctx:
            while self._unindexed or self._todo:
                if self._unindexed:
                    await self._finish_table(ctx, self._unindexed.popleft())
                    continue
                plan, chunk = await self._cut_again(ctx, *self._todo.popleft())
                seconds = await self._copier.copy(ctx, plan, chunk)
                self._slowest[chunk.part] = max(
                    (seconds, chunk.estimated_rows), self._slowest.get(chunk.part, (0.0, 0))
                )
                target = plan.part.target
                self._open[target] -= 1
                if not self._open[target]:
                    await self._finish_table(ctx, target)

    async def _cut_again(self, ctx: Context, plan: PartPlan, chunk: ChunkRecord) -> tuple[PartPlan, ChunkRecord]:
        """The chunk; or the first piece of it, where chunks of its part take too long: the others are still to do."""
        seconds, rows = self._slowest.get(chunk.part, (0.0, 0))
        count = self._sizing.pieces(chunk.estimated_rows, rows, seconds)
        if count < 2 or not plan.part.key:
            return plan, chunk

        async def cut() -> tuple[ChunkRecord, ...]:
            return await by_key_within(ctx, self._job, plan, chunk, count)

        pieces = await retrying(ctx, f"cutting {plan.part.source!r} into chunks", cut)
        if len(pieces) < 2:
            return plan, chunk
        async with ctx.connect(self._job.sides.target) as connection, ctx.transaction(connection):
            if not await self.state.change(connection, self._job.run_id, self._attempt):  # others wait for that row
                raise taken_over(self._job)
            first, *others = await self.state.replace_chunk(connection, self._job.run_id, chunk, pieces)
        self._todo.extendleft((plan, each) for each in reversed(others))
        self._open[plan.part.target] += len(others)
        self.meters.add(plan.part.target, len(others))
        return plan, first

    async def _finish_table(self, ctx: Context, label: str) -> None:
        async def finish() -> None:
            await self._staging.finish_table(label)
            async with ctx.connect(self._job.sides.target) as connection:
                await self.state.mark_indexed(connection, self._job.run_id, label)

        await retrying(ctx, f"building what was taken off {label!r}", finish)
