"""Makes the target's tables ready to take rows, and puts them back as they were."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING

import anyio

from confiture.config.project import MigrationsConfig
from confiture.errors import ConfitureError
from confiture.loading import Phase, PutBack, Record, altering, failed, read_parts, set_sequences, side_by_side
from confiture.model import Progress, Statement, StepFinished, StepStarted, WarningRaised
from confiture.transfer import worker_count
from confiture_sync.load import staging
from confiture_sync.load.giving_up import MEND, give_up
from confiture_sync.load.recording import sync_records
from confiture_sync.load.taking import prepare
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["Loader"]

#: How long a run that was stopped may take to leave things as they were, before it says how to do so later.
_CLEANING_S = 120.0


class Loader:
    """Around the copy: entering takes off what would be in its way, :meth:`finish` puts it back.

    Left by an error or a cancellation, either everything stays off for a later run to put back (``resumable``), or
    tables that are not complete are emptied and everything is put back.
    """

    def __init__(self, ctx: Context, job: Job, plans: Sequence[TablePlan]) -> None:
        self.ctx = ctx
        self.job = job
        self.plans = plans
        self.records = sync_records(ctx.settings("migrations", MigrationsConfig).schema)
        self.jobs = worker_count(job.request.jobs)
        self._equals: dict[str, Mapping[str, str]] = {}
        self._partitioned: frozenset[str] = frozenset()
        #: Tables that something could not be put back on, since their rows do not fit it.
        self._broken: set[str] = set()

    async def __aenter__(self) -> Loader:
        try:
            async with _step(self.ctx, "sync.prepare", "prepare the target's tables"):
                if self.job.request.upsert:
                    await self._read_keys()
                await prepare(self.ctx, self.job, self.plans, self.records)
        except BaseException as error:
            # Where it was stopped while it ended its transaction, everything may be off all the same.
            await self._leave(error, mine=True)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            await self._leave(error)

    def table(self, plan: TablePlan) -> str:
        """Where the rows go, as SQL text: the plan's target, or a table that :meth:`after` empties into it."""
        return staging.STAGING if self.job.request.upsert else plan.target.sql

    def before(self, plan: TablePlan) -> tuple[Statement, ...]:
        """What runs in the transaction of a chunk's rows, before them."""
        return staging.before(plan) if self.job.request.upsert else ()

    def after(self, plan: TablePlan) -> tuple[Statement, ...]:
        """What runs in the transaction of a chunk's rows, after them."""
        if not self.job.request.upsert:
            return ()
        return staging.after(plan, self._equals[plan.label], partitioned=plan.label in self._partitioned)

    async def finish(self) -> None:
        """All rows are there: indexes, constraints, triggers, sequences, ANALYZE.

        Raises ``ExecutionError`` naming what could not be put back, and how many rows are in its way; all the rest is
        back then.
        """
        ctx, target = self.ctx, self.job.target
        put = PutBack(ctx, target, self.records, self.jobs)
        async with ctx.connect(target) as connection:
            known = await self.records.read(connection)
            async with _step(ctx, "sync.indexes", "build indexes"):
                await put.run(connection, known, (Phase.INDEX, Phase.ATTACH), "sync.indexes")
            async with _step(ctx, "sync.constraints", "put back constraints and triggers"):
                phases = (Phase.KEY, Phase.VALIDATE, Phase.SWITCH)
                await put.run(connection, known, phases, "sync.constraints")
                async with altering(ctx, target, connection):
                    columns = {(p.target.schema, p.target.name, name) for p in self.plans for name in p.masked.columns}
                    await set_sequences(connection, columns)
            async with _step(ctx, "sync.analyze", "collect the planner's statistics"):
                await self._analyze()
            if put.failures:
                self._broken = {failure.record.label for failure in put.failures}
                raise failed(put.failures, target, hint=MEND)
            if known:
                await self.records.end(connection)

    async def _analyze(self) -> None:
        done = 0

        async def analyze(connection: Connection, plan: TablePlan) -> None:
            nonlocal done
            async with altering(self.ctx, self.job.target, connection, later=True):
                await connection.execute(f"ANALYZE {plan.target.sql}")
            done += 1
            self.ctx.emit(Progress(step="sync.analyze", done=done, total=len(self.plans), unit="tables"))

        await side_by_side(self.ctx, self.job.target, self.jobs, self.plans, analyze)

    async def _read_keys(self) -> None:
        async with self.ctx.connect(self.job.target) as connection:
            parts = await read_parts(connection, [plan.target.sql for plan in self.plans])
            self._partitioned = frozenset(part.label for part in parts if part.kind == "p")
            for plan in self.plans:
                self._equals[plan.label] = await staging.read_equals(connection, plan)

    async def _leave(self, error: BaseException, *, mine: bool = False) -> None:
        """What becomes of a run that does not come to its end. ``mine``: only if it was this run that was recorded."""
        resumable, ended = self.job.request.resumable, True
        with anyio.move_on_after(_CLEANING_S, shield=True) as scope:
            try:
                known = await self._recorded()
                if not known or (mine and known[0].run != self.job.run_id):
                    return
                ended = not resumable
                if not resumable:
                    given = await give_up(self.ctx, self.job.target, self.records, self.jobs, broken=self._broken)
                    ended = given is None or not given.failures
            except Exception:  # the server may be gone: what the run failed of is what is told
                ended = False
        if ended and not scope.cancelled_caught:
            return
        if resumable:
            hint = f"go on with the same command and --resume, or give up: `confiture sync abandon --to {self._to}`"
        else:
            hint = f"`confiture sync abandon --to {self._to}` puts back what was taken off the target's tables"
        if isinstance(error, ConfitureError):
            if error.hint is None:
                error.hint = hint
            else:
                error.add_note(hint)
        elif not resumable:  # who stops a run that can be gone on with has asked for that
            self.ctx.emit(WarningRaised(message="the run did not come to its end", hint=hint))

    async def _recorded(self) -> tuple[Record, ...]:
        async with self.ctx.connect(self.job.target) as connection:
            return await self.records.read(connection)

    @property
    def _to(self) -> str:
        """How the target was named, if that is no connection string, which may hold a password."""
        written = self.job.request.target
        return "..." if "://" in written or "=" in written else written


@asynccontextmanager
async def _step(ctx: Context, step: str, label: str) -> AsyncIterator[None]:
    started = time.monotonic()
    ctx.emit(StepStarted(step=step, label=label))
    yield
    ctx.emit(StepFinished(step=step, seconds=time.monotonic() - started))
