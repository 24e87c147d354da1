"""All checks, in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from confiture.model import Progress, StepFinished, StepStarted
from confiture.transfer import prepare_session, reading, run_workers, set_local
from confiture_sync.model import Check, TableReport
from confiture_sync.values import Catalog, ForeignKey, Job, TablePlan
from confiture_sync.verify.counting import check_foreign_key, check_rows, check_sequences, check_unique
from confiture_sync.verify.former import Former, check_former
from confiture_sync.verify.judging import judge
from confiture_sync.verify.originals import Originals, sampled_columns
from confiture_sync.verify.pieces import one_time_key
from confiture_sync.verify.searching import Search

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["verify"]

_STEP = "sync.verify"
_Name: TypeAlias = Literal["rows", "foreign-key", "unique", "leak", "constraint", "sequence"]
_ORDER: tuple[_Name, ...] = ("rows", "foreign-key", "unique", "constraint", "sequence", "leak")


class _Task(msgspec.Struct, frozen=True):
    """Something to look at, with both sides' sessions."""

    name: _Name
    what: str
    look: Callable[[Connection, Connection], Awaitable[Sequence[Check]]]


async def verify(
    ctx: Context,
    job: Job,
    catalog: Catalog,
    plans: Sequence[TablePlan],
    tables: Sequence[TableReport],
    former: Former | None = None,
) -> Sequence[Check]:
    """What was looked at, and whether it is as it should be. Never raises for what it finds.

    ``former`` is what :func:`look_at_target` saw before the run. What cannot be looked at is a check that failed. The
    source is read in the run's snapshot; for the search for originals keyed hashes leave it, and no value.
    """
    begun = time.monotonic()
    ctx.emit(StepStarted(step=_STEP, label="verify"))
    rows = {table.table: table.rows for table in tables}
    searches = _Searches(job, plans, rows)
    looking = _Looking(ctx, job)
    checks = await looking.run(
        [*_structure(job, catalog, plans, rows), *_constraints(plans, former), *searches.first()],
        searches.second,
    )
    if searches.search is not None:
        checks += judge(searches.search)
    checks.sort(key=lambda check: (_ORDER.index(check.name), check.what))
    failed = sum(not check.ok for check in checks)
    summary = f"{len(checks)} checks" + (f", {failed} failed" if failed else "")
    ctx.emit(StepFinished(step=_STEP, seconds=time.monotonic() - begun, summary=summary))
    return tuple(checks)


def _structure(job: Job, catalog: Catalog, plans: Sequence[TablePlan], rows: Mapping[str, int]) -> list[_Task]:
    tasks = []
    for plan in plans:

        async def count(one: Connection, two: Connection, plan: TablePlan = plan) -> Sequence[Check]:
            return await check_rows(one, two, plan, upsert=job.request.upsert)

        async def unique(one: Connection, two: Connection, plan: TablePlan = plan) -> Sequence[Check]:
            return await check_unique(two, plan, rows.get(plan.label, 0))

        async def sequences(one: Connection, two: Connection, plan: TablePlan = plan) -> Sequence[Check]:
            return await check_sequences(two, plan)

        tasks += [
            _Task("rows", plan.label, count),
            _Task("unique", plan.label, unique),
            _Task("sequence", plan.label, sequences),
        ]
        for key in plan.table.foreign_keys:

            async def parents(
                one: Connection, two: Connection, plan: TablePlan = plan, key: ForeignKey = key
            ) -> Sequence[Check]:
                return await check_foreign_key(one, two, plan, key, catalog)

            tasks.append(_Task("foreign-key", key.label, parents))
    return tasks


def _constraints(plans: Sequence[TablePlan], former: Former | None) -> list[_Task]:
    if former is None:
        return []
    known = former

    async def look(one: Connection, two: Connection) -> Sequence[Check]:
        return await check_former(two, plans, known)

    return [_Task("constraint", "the target's tables", look)]


class _Searches:
    """The search for originals: first they are all taken from the source, then all of the target is gone through."""

    def __init__(self, job: Job, plans: Sequence[TablePlan], rows: Mapping[str, int]) -> None:
        self.job = job
        self.plans = plans
        self.rows = rows
        self.key = one_time_key()
        self.originals = Originals()
        self.search: Search | None = None

    def first(self) -> list[_Task]:
        """Takes them."""
        share = sum(len(sampled_columns(plan)) for plan in self.plans)
        tasks = []
        for plan in self.plans:

            async def take(one: Connection, two: Connection, plan: TablePlan = plan) -> Sequence[Check]:
                await set_local(one, self.key)
                await self.originals.take(one, self.job, plan, self.rows.get(plan.label, 0), share)
                return ()

            if sampled_columns(plan):
                tasks.append(_Task("leak", plan.label, take))
        return tasks

    def second(self) -> list[_Task]:
        """Looks for them."""
        if not self.originals.columns:
            return []
        search = self.search = Search(self.originals)
        tasks = []
        for plan in self.plans:

            async def go(one: Connection, two: Connection, plan: TablePlan = plan) -> Sequence[Check]:
                await set_local(two, self.key)
                await search.go_through(two, plan, self.rows.get(plan.label, 0))
                return ()

            tasks.append(_Task("leak", plan.label, go))
        return tasks


class _Looking:
    """Some workers, each with a session on both sides and one task at a time."""

    def __init__(self, ctx: Context, job: Job) -> None:
        self.ctx = ctx
        self.job = job
        self.checks: list[Check] = []
        self._waiting: deque[_Task] = deque()
        self._done = 0
        self._total = 0

    async def run(self, first: Sequence[_Task], second: Callable[[], Sequence[_Task]]) -> list[Check]:
        """All of ``first``, then all of what ``second`` gives."""
        await self._all(first)
        await self._all(second())
        return self.checks

    async def _all(self, tasks: Sequence[_Task]) -> None:
        self._waiting.extend(tasks)
        self._total += len(tasks)
        await run_workers(self.job.request.jobs, len(tasks), self._work)

    async def _work(self) -> None:
        ctx, job = self.ctx, self.job
        async with (
            reading(ctx, job.source, snapshot=job.snapshot.id) as source,
            ctx.connect(job.target) as target,
            ctx.transaction(target, isolation="repeatable_read", readonly=True),
        ):
            await prepare_session(target)
            while self._waiting:
                task = self._waiting.popleft()
                self.checks += await self._look(task, source, target)
                self._done += 1
                ctx.emit(Progress(step=_STEP, done=self._done, total=self._total, unit="checks"))

    async def _look(self, task: _Task, source: Connection, target: Connection) -> Sequence[Check]:
        """What the server cannot do is told by its name, without its words: they may hold a value."""
        import asyncpg

        try:
            async with self.ctx.transaction(source), self.ctx.transaction(target):  # savepoints
                return await task.look(source, target)
        except asyncpg.PostgresError as error:
            detail = f"could not be looked at: {type(error).__name__} ({error.sqlstate})"
            return [Check(name=task.name, what=task.what, ok=False, detail=detail)]
