"""Rows that the new schema would not take, by key: each question is one query on the source."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from confiture.model import Progress, StepFinished, StepStarted
from confiture.quoting import quote_ident
from confiture.transfer import keep_connections, reading, run_workers, worker_count
from confiture_schema_to_schema.checking.asking import MAPPED, key_of, mapped, why
from confiture_schema_to_schema.checking.conditions import Question, present, questions_of
from confiture_schema_to_schema.checking.narrowing import narrowed
from confiture_schema_to_schema.checking.proofs import Proofs
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.checking.facts import Facts
    from confiture_schema_to_schema.values import ForeignKey, Job, TargetTable, Unique

__all__ = ["find_offenders"]

_STEP = f"{SECTION}.preflight"
#: So many keys are named by question.
_KEYS = 5


async def find_offenders(ctx: Context, job: Job, facts: Facts) -> list[Finding]:
    """Of all tables, in their order. What the old database's constraints prove is not read."""
    started = time.monotonic()
    ctx.emit(StepStarted(step=_STEP, label="look for rows that the new schema would not take"))
    proofs = Proofs(job, facts)
    tables = {table.label: table for table in job.tables}
    found: dict[str, list[Finding]] = {}
    waiting = iter(sorted(job.tables, key=lambda t: -sum(job.old.tables[part.source].rows for part in t.parts)))

    async with keep_connections(ctx) as kept:

        async def work() -> None:
            for table in waiting:
                found[table.label] = await _Asker(kept, table, tables, proofs).ask()
                ctx.emit(Progress(step=_STEP, done=len(found), total=len(tables), unit="tables"))

        await run_workers(worker_count(ctx.settings(SECTION, SchemaToSchemaConfig).jobs), len(tables), work)
    ctx.emit(StepFinished(step=_STEP, seconds=time.monotonic() - started))
    return [finding for label in tables for finding in found[label]]


class _Asker:
    """Asks about one table. ``tables``: all that are copied, by label."""

    def __init__(self, ctx: Context, table: TargetTable, tables: dict[str, TargetTable], proofs: Proofs) -> None:
        self.ctx = ctx
        self.table = table
        self.tables = tables
        self.proofs = proofs
        self.rows = mapped(table)
        self.key = key_of(table)
        self.found: list[Finding] = []
        #: A value could not be made another type, or the like: so it will be when it is copied.
        self._fails = False

    async def ask(self) -> list[Finding]:
        """What is in the way of this table's rows."""
        narrow = narrowed(self.table, self.proofs)
        questions = questions_of(self.table, self.proofs)
        uniques = [unique for unique in self.table.table.uniques if not self.proofs.unique(self.table, unique)]
        keys = [
            (key, self.tables[key.parent])
            for key in self.table.table.foreign_keys
            if key.parent in self.tables
            and set(key.columns) <= set(self.table.columns)
            and not self.proofs.referenced(self.table, key, self.tables[key.parent])
        ]
        if not self.table.columns or not (narrow or questions or uniques or keys):
            return []
        async with reading(self.ctx, self.proofs.job.sides.source) as source:
            for question, relation in narrow:
                await self._attempt(source, question, f"{relation} AS {MAPPED}")
            if any(finding.check == "length" and finding.level == "error" for finding in self.found):
                return self.found  # to read all columns of these rows would fail
            await self._of_rows(source, questions)
            for unique in uniques:
                await self._unique(source, unique)
            for key, parent in keys:
                await self._orphans(source, key, parent)
        if self._fails:
            message = f"rows of {self.table.label!r} fail in the map's query, or in a constraint of the new table"
            hint = "write a transform that takes all values, or leave these rows out by a filter"
            self.found.append(Finding(level="error", check="check", table=self.table.label, message=message, hint=hint))
        return self.found

    async def _of_rows(self, source: Connection, questions: Sequence[Question]) -> None:
        """All of them in one scan, where the source understands all of them."""
        askable = [question for question in questions if not question.columns]
        for question in questions:
            if question.columns:
                missing = ", ".join(map(repr, question.columns))
                self._unknown(question.check, question.name, f"it needs {missing}, which the map does not fill")
        if not askable:
            return
        counts = ", ".join(f"count(*) FILTER (WHERE {question.condition})" for question in askable)
        ok, row = await self._run(source, f"SELECT {counts} FROM {self.rows}")
        if not ok and len(askable) > 1:
            for question in askable:
                await self._attempt(source, question, self.rows)
            return
        if not ok:
            self._unknown(askable[0].check, askable[0].name, row)
            return
        for question, count in zip(askable, row[0], strict=True):
            await self._tell(source, question, count, self.rows)

    async def _attempt(self, source: Connection, question: Question, relation: str) -> None:
        """One by itself."""
        ok, row = await self._run(source, f"SELECT count(*) FROM {relation} WHERE {question.condition}")
        if ok:
            await self._tell(source, question, row[0][0], relation)
        else:
            self._unknown(question.check, question.name, row)

    async def _tell(self, source: Connection, question: Question, count: int, relation: str) -> None:
        if count:
            query = f"SELECT {self.key} FROM {relation} WHERE {question.condition} LIMIT {_KEYS}"
            self._offend(question.check, count, question.what, question.hint, await self._keys(source, query))

    async def _unique(self, source: Connection, unique: Unique) -> None:
        expressions = list(unique.expressions)
        conditions = [f"({unique.predicate})"] if unique.predicate else []
        if unique.nulls_distinct:
            conditions += [f"({expression}) IS NOT NULL" for expression in expressions]
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        groups = (
            f"FROM {self.rows} {where}GROUP BY {', '.join(f'({each})' for each in expressions)} HAVING count(*) > 1"
        )
        query = f"SELECT coalesce(sum(n), 0)::bigint, count(*) FROM (SELECT count(*) AS n {groups}) AS g"
        ok, row = await self._run(source, query)
        if not ok:
            self._unknown("unique", unique.name, row)
        elif row[0][0]:
            rows, values = row[0]
            pairs = f"SELECT min({self.key}), max({self.key}) {groups} LIMIT {_KEYS}"
            what = f"share {values} value{'' if values == 1 else 's'} of {', '.join(expressions)} ({unique.name!r})"
            hint = "keep one of each by a filter in the map, or mend these rows on the old database"
            self._offend("unique", rows, what, hint, await self._keys(source, pairs))

    async def _orphans(self, source: Connection, key: ForeignKey, parent: TargetTable) -> None:
        if not set(key.parent_columns) <= set(parent.columns):
            self._unknown("foreign-key", key.name, f"the map does not fill what it leads to in {parent.label!r}")
            return
        same = " AND ".join(
            f"parent.{quote_ident(other)} = {MAPPED}.{quote_ident(column)}"
            for column, other in zip(key.columns, key.parent_columns, strict=True)
        )
        orphans = (
            f"FROM {self.rows} WHERE {present(key, MAPPED)} "
            f"AND NOT EXISTS (SELECT FROM {mapped(parent, 'parent')} WHERE {same})"
        )
        ok, row = await self._run(source, f"SELECT count(*) {orphans}")
        if not ok:
            self._unknown("foreign-key", key.name, row)
        elif row[0][0]:
            what = f"have no parent in {key.parent!r} ({key.name!r})"
            hint = "leave them out by a filter in the map, or mend these rows on the old database"
            keys = await self._keys(source, f"SELECT {self.key} {orphans} LIMIT {_KEYS}")
            self._offend("foreign-key", row[0][0], what, hint, keys)

    async def _keys(self, source: Connection, query: str) -> tuple[str, ...]:
        if self.key is None:
            return ()
        ok, rows = await self._run(source, query)
        return tuple(dict.fromkeys(value for row in rows for value in row))[:_KEYS] if ok else ()

    async def _run(self, source: Connection, query: str) -> tuple[bool, Any]:
        """The rows; or False and why there are none."""
        import asyncpg

        try:
            async with self.ctx.transaction(source):  # a savepoint
                return True, await source.fetch(query)
        except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
            raise
        except asyncpg.DataError as error:
            self._fails = True
            return False, why(error)
        except asyncpg.PostgresError as error:
            return False, why(error)

    def _offend(self, check: str, rows: int, what: str, hint: str, keys: tuple[str, ...]) -> None:
        message = f"{rows} row{'' if rows == 1 else 's'} of {self.table.label!r} {what}"
        self.found.append(
            Finding(
                level="error", check=check, table=self.table.label, message=message, hint=hint, rows=rows, keys=keys
            )
        )

    def _unknown(self, check: str, name: str, because: str) -> None:
        self.found.append(
            Finding(
                level="note",
                check=check,
                table=self.table.label,
                message=f"{name!r} of {self.table.label!r} could not be looked at beforehand: {because}",
                hint="what violates it is found when the rows come, or when it is put back",
            )
        )
