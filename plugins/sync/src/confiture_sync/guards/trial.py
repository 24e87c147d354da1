"""The first rows of each table go into a temporary table of the target, which is taken back."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import (
    Busy,
    ConfitureError,
    ConnectionLost,
    DatabaseConnectionError,
    DiskFull,
    Interrupted,
    Refused,
)
from confiture.hooks import TRANSFER
from confiture.masking import Rule
from confiture.model import Statement, TransferTask
from confiture.quoting import quote_ident
from confiture.transfer import fit, keep_connections, reading, run_workers
from confiture_sync.copying.config import SyncConfig
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context, TransferEngine

__all__ = ["try_rows"]

#: Enough to meet what is usual in a table, and no more than a second's work for hundreds of them.
_ROWS = 1000
#: Of the servers and of this run, and not of a table's rows.
_NOT_OF_ROWS = (Busy, ConnectionLost, DatabaseConnectionError, DiskFull, Interrupted)
# Those of NOT NULL have no name of their own before PostgreSQL 18: the error names the column then.
_CONSTRAINTS = """
SELECT k.conname::text AS name, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) u(n)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n) AS columns
  FROM pg_catalog.pg_constraint k WHERE k.conrelid = pg_catalog.to_regclass($1) ORDER BY k.conname
"""
_FAILED = " failed: "


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a table's rows do not go in. ``rules`` are those of the columns that have to do with it."""

    label: str
    message: str
    hint: str | None = None
    rules: tuple[Rule, ...] = ()

    def __str__(self) -> str:
        places = dict.fromkeys(f"{rule.file}:{rule.line}" for rule in self.rules if rule.file and rule.line)
        return f"{self.label}: {self.message}" + (f"; masked by {', '.join(places)}" if places else "")


async def try_rows(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> None:
    """Raises ``Refused`` naming table, column and constraint where the target does not take them.

    All tables are looked at: first whether their types fit, then 1,000 rows of each are moved. What is wrong with
    several is told together, with the rules of the columns that it is about. Nothing of it stays on the target.
    """
    problems = await _types(ctx, job, plans)
    unfit = {problem.label for problem in problems}
    problems += await _Trial(ctx, job).run([plan for plan in plans if plan.label not in unfit])
    if not problems:
        return
    problems.sort(key=lambda problem: problem.label)
    first = next((rule for problem in problems for rule in problem.rules), None)
    place = (first.file, first.line) if first is not None and len(problems) == 1 else (None, None)
    listed = "\n".join(map(str, problems))
    many = f"the target would not take the rows of {len(problems)} tables:\n{listed}"
    raise Refused(
        f"the target would not take the rows of {problems[0]}" if len(problems) == 1 else many,
        hint=next((problem.hint for problem in problems if problem.hint), None)
        or "change the rule, or bring the target's schema up to date; nothing was copied",
        file=place[0],
        line=place[1],
    )


async def _types(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> list[_Problem]:
    found = []
    async with reading(ctx, job.source, snapshot=job.snapshot.id) as source, ctx.connect(job.target) as target:
        for plan in plans:
            try:
                await fit(source, plan.masked.query, target, plan.target.sql, plan.masked.columns)
            except Refused as error:
                found.append(_problem(plan, error, {}))
    return found


class _Trial:
    """Some workers, each with one table at a time."""

    def __init__(self, ctx: Context, job: Job) -> None:
        self.ctx = ctx
        self.job = job
        self.engine: TransferEngine = ctx.get(TRANSFER, ctx.settings("sync", SyncConfig).engine)
        self._waiting: deque[TablePlan] = deque()
        self._found: list[_Problem] = []

    async def run(self, plans: Sequence[TablePlan]) -> list[_Problem]:
        self._waiting.extend(plans)
        await run_workers(self.job.request.jobs, len(plans), self._work)
        return self._found

    async def _work(self) -> None:
        async with keep_connections(self.ctx) as ctx:
            while self._waiting:
                await self._try(ctx, self._waiting.popleft())

    async def _try(self, ctx: Context, plan: TablePlan) -> None:
        task = self._task(plan)
        if not self.engine.accepts(task, plan.masked.masks):
            return  # an engine that cannot take rows back; the copy itself is one transaction
        try:
            await self.engine.transfer(ctx, task, plan.masked.masks)
        except _NOT_OF_ROWS:
            raise
        except ConfitureError as error:
            async with ctx.connect(self.job.target) as target:
                self._found.append(_problem(plan, error, await _constraints(target, plan)))

    def _task(self, plan: TablePlan) -> TransferTask:
        selection = plan.selection
        query = plan.masked.query if selection is None else plan.masked.where(selection.condition)
        # By the table's own name, which is what the server's messages have.
        name = quote_ident(plan.target.name)
        return TransferTask(
            source=self.job.source,
            target=self.job.target,
            table=f"pg_temp.{name}",
            columns=plan.masked.columns,
            query=f"{query}\nLIMIT {_ROWS}",
            snapshot=self.job.snapshot.id,
            settings={**self.job.key.settings, **({} if selection is None else selection.settings)},
            before=(Statement(sql=f"CREATE TEMPORARY TABLE {name} (LIKE {plan.target.sql} INCLUDING ALL)"),),
            rollback=True,
        )


async def _constraints(target: Connection, plan: TablePlan) -> Mapping[str, tuple[str, Sequence[str]]]:
    """Definition and columns of the table's constraints, by name; unique ones go by the name that a copy gives them."""
    rows = await target.fetch(_CONSTRAINTS, plan.target.sql)
    found = {row["name"]: (row["definition"], row["columns"]) for row in rows}
    for key in plan.target.unique:
        primary = key == plan.target.primary_key
        name = f"{plan.target.name}_pkey" if primary else "_".join((plan.target.name, *key, "key"))
        found.setdefault(name, (f"{'PRIMARY KEY' if primary else 'UNIQUE'} ({', '.join(key)})", key))
        found.setdefault(name.removesuffix("key") + "idx", (f"UNIQUE ({', '.join(key)})", key))
    return found


def _problem(plan: TablePlan, error: ConfitureError, known: Mapping[str, tuple[str, Sequence[str]]]) -> _Problem:
    message = error.message.partition(_FAILED)[2] or error.message
    message = message.replace(f"pg_temp.{quote_ident(plan.target.name)}", plan.target.sql)
    columns = [name for name in plan.masked.columns if f"column {name!r}" in error.message]
    for name, (definition, own) in known.items():
        if f"constraint {name!r}" in error.message:
            message += f": {definition}"
            columns += own
    rules = [plan.rules[name] for name in dict.fromkeys(columns) if name in plan.rules]
    return _Problem(label=plan.label, message=message, hint=error.hint, rules=tuple(rules))
