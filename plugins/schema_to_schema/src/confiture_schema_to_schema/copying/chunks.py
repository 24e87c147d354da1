"""One chunk: through its engine, again where a server was lost, and never twice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import ConfigError, ConfitureError, DiskFull, Refused
from confiture.hooks import TRANSFER
from confiture.sides import shown_side
from confiture_schema_to_schema.copying.beating import taken_over
from confiture_schema_to_schema.copying.beginning import relation_of
from confiture_schema_to_schema.copying.parts import TAKEN_OVER
from confiture_schema_to_schema.copying.retrying import retrying
from confiture_schema_to_schema.copying.tasks import emptying, find_emptiable, task_of_chunk

if TYPE_CHECKING:
    from confiture.model import Statement, TransferReport
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.copying.records import ChunkRecord, PartRecord
    from confiture_schema_to_schema.copying.sizing import Sizing
    from confiture_schema_to_schema.copying.state import State
    from confiture_schema_to_schema.copying.telling import Meters
    from confiture_schema_to_schema.copying.throttle import Throttle
    from confiture_schema_to_schema.values import Job, PartPlan

__all__ = ["Copier"]


class Copier:
    """Copies chunks, for any number of workers. ``snapshot_seconds``: the longest that one with a key took."""

    def __init__(
        self, job: Job, state: State, attempt: int, throttle: Throttle, meters: Meters, sizing: Sizing
    ) -> None:
        self.job = job
        self.state = state
        self.attempt = attempt
        self.meters = meters
        self.sizing = sizing
        self.snapshot_seconds = 0.0
        self.whole_seconds: dict[str, float] = {}
        self._throttle = throttle
        self._frozen: frozenset[int] = frozenset()

    async def look(self, connection: Connection, parts: Sequence[PartRecord], chunks: Sequence[ChunkRecord]) -> None:
        """Find the parts that are all their table gets, in one chunk: these can be written as if they were old."""
        emptiable = await find_emptiable(connection, [part.relid for part in parts])
        alone = [part for part in parts if sum(each.target == part.target for each in parts) == 1]
        count: dict[int, int] = {}
        for chunk in chunks:
            count[chunk.part] = count.get(chunk.part, 0) + 1
        self._frozen = frozenset(part.part for part in alone if count.get(part.part) == 1 and part.relid in emptiable)

    async def admit(self, ctx: Context) -> None:
        """Wait until the throttle lets something begin: a snapshot that waits would be held for nothing."""
        await self._throttle.admit(ctx)

    async def copy(self, ctx: Context, plan: PartPlan, chunk: ChunkRecord) -> float:
        """Copy it, where it is not copied, once the throttle lets it begin. The seconds that its snapshot was held."""
        lost = False

        async def again() -> float:
            nonlocal lost
            # Whether a commit came to its end is not known where the connection was lost within it.
            if lost and (found := await self._find_done(ctx, chunk)) is not None:
                self.meters.end(self.meters.start(plan.part.target, chunk), found.rows, found.bytes)
                return found.seconds
            lost = True
            return await self.copy_once(ctx, plan, chunk)

        return await retrying(ctx, f"copying a part of {plan.part.label!r}", again)

    async def copy_once(self, ctx: Context, plan: PartPlan, chunk: ChunkRecord, snapshot: str | None = None) -> float:
        """Copy it; the seconds that it took. Raises ``Busy`` where another process goes on with the run."""
        await self._throttle.admit(ctx)
        begun = time.monotonic()
        step = self.meters.start(plan.part.target, chunk)
        try:
            report = await self._transfer(ctx, plan, chunk, snapshot, step)
        except BaseException:
            self.meters.fail(step)
            raise
        self._throttle.took(report.bytes, begun)
        self.meters.end(step, report.rows, report.bytes)
        if plan.part.key:
            self.snapshot_seconds = max(self.snapshot_seconds, report.seconds)
        elif snapshot is None:
            self.whole_seconds[plan.part.source] = max(self.whole_seconds.get(plan.part.source, 0.0), report.seconds)
        return report.seconds

    async def _transfer(
        self, ctx: Context, plan: PartPlan, chunk: ChunkRecord, snapshot: str | None, step: str
    ) -> TransferReport:
        run_id, frozen = self.job.run_id, chunk.part in self._frozen
        before: tuple[Statement, ...] = ()
        if frozen:  # a table that another attempt has filled must not even be locked
            before = (self.state.fence(run_id, self.attempt, chunk), *emptying(plan.target))
        task = task_of_chunk(
            self.job,
            plan,
            chunk,
            before=before,
            after=(self.state.done(run_id, self.attempt, chunk),),
            snapshot=snapshot,
            freeze=frozen,
            bytes_per_second=self.sizing.worker_bytes_per_second,
            step=step,
        )
        engine = ctx.get(TRANSFER, plan.engine)
        if not engine.accepts(task):
            raise ConfigError(
                f"the transfer engine {plan.engine!r} cannot copy {plan.part.label!r}",
                hint="name another one for it: `strategy` in the map, or --strategy",
            )
        try:
            return await engine.transfer(ctx, task)
        except DiskFull as error:
            raise DiskFull(
                error.message,
                hint=f"make room for {plan.part.target!r} and its indexes there, then go on: "
                "`confiture migrate schema-to-schema resume`",
                detail=error.detail,
                sqlstate=error.sqlstate,
            ) from error
        except ConfitureError as error:
            if error.sqlstate == TAKEN_OVER:
                await self._explain(ctx, plan, error, frozen=frozen)
                # By a commit of ours that came to its end after its connection was lost.
                if (found := await self._find_done(ctx, chunk)) is not None:
                    return found
            raise

    async def _explain(self, ctx: Context, plan: PartPlan, error: ConfitureError, *, frozen: bool) -> None:
        """Raise what a division by zero means, if it was one of ours; a transform may have its own."""
        async with ctx.connect(self.job.sides.target) as connection:
            if await self.state.is_taken_over(connection, self.job.run_id, self.attempt):
                raise taken_over(self.job) from error
            query = f"SELECT EXISTS (SELECT FROM {relation_of(plan.target)})"
            if frozen and await connection.fetchval(query):
                raise Refused(
                    f"somebody has written rows into {plan.part.target!r} of {shown_side(self.job.sides.target)!r}",
                    hint="empty it, then go on: `confiture migrate schema-to-schema resume`",
                ) from error

    async def _find_done(self, ctx: Context, chunk: ChunkRecord) -> TransferReport | None:
        async with ctx.connect(self.job.sides.target) as connection:
            return await self.state.find_done(connection, self.job.run_id, chunk)
