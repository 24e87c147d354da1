"""Backfills in batches, each a transaction of its own: what the statement's DO block does, with pauses and retries."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from confiture.errors import StatementFailed
from confiture.migrations.backfill import Backfill
from confiture.model import Progress, StepFinished, StepStarted
from confiture.quoting import quote_ident
from confiture_runner.failures import failure, is_lost, place
from confiture_runner.lag import Replicas
from confiture_runner.limits import limited, limits_of
from confiture_runner.relations import backfilled, range_name
from confiture_runner.retries import persistently

if TYPE_CHECKING:
    from confiture_runner.session import Session

__all__ = ["run_backfill"]

_STEP = "backfill"
#: A condition that always holds would never end.
_PASSES = 20
#: The table and its partitions or children, with their pages and how many of them hold about a batch's rows.
_PARTS = """
WITH RECURSIVE parts AS (
    SELECT $1::text::regclass::oid AS id
    UNION
    SELECT inhrelid FROM pg_catalog.pg_inherits JOIN parts ON inhparent = id
)
SELECT id::regclass::text AS name, pg_relation_size(id) / current_setting('block_size')::bigint AS pages,
    greatest(1, CASE WHEN reltuples > 0 THEN $2::bigint::float8 * relpages / reltuples
        ELSE $2::bigint / 100.0 END)::bigint AS step
FROM parts JOIN pg_catalog.pg_class ON oid = id
WHERE relkind = 'r'
ORDER BY id
"""


async def run_backfill(session: Session, number: int, statement: Backfill) -> int:
    """Pass over the table until a pass changes nothing; the rows changed.

    A row that somebody changes meanwhile may move to a page that has been passed, hence the passes. The condition is
    checked by the UPDATE itself, on the row as it is then. Raises as :meth:`Session.run`, and ``StatementFailed``
    where rows still match after twenty passes.
    """
    started = time.monotonic()
    target = backfilled(statement)
    name, alias = range_name(target), quote_ident(target.alias.aliasname or target.relname)
    session.ctx.emit(StepStarted(step=_STEP, label=f"backfill {statement.table}"))
    work = _Work(session, number, statement, alias)
    async with limited(session.connection, limits_of(statement, session.execution)):
        for _ in range(_PASSES):
            if not await work.one_pass(name):
                break
        else:
            raised = StatementFailed(
                f"rows of {statement.table} still match after {_PASSES} passes",
                hint="the condition must no longer hold for a row that is done",
            )
            place(raised, session.plan, statement)
            raise session.failed(number, raised)
    seconds = time.monotonic() - started
    session.ctx.emit(StepFinished(step=_STEP, seconds=seconds, summary=f"{work.rows} rows"))
    return work.rows


class _Work:
    """A backfill at work."""

    def __init__(self, session: Session, number: int, statement: Backfill, alias: str) -> None:
        self._session = session
        self._number = number
        self._statement = statement
        self._alias = alias
        self._replicas = Replicas(session.ctx, session.connection, session.execution.max_replica_lag_s)
        self._done = 0
        self._total = 0
        self.rows = 0

    async def one_pass(self, name: str) -> int:
        """Go through all pages that there are now; the rows changed."""
        before = self.rows
        connection, batch_rows = self._session.connection, self._statement.batch_rows
        parts = await self._guarded(connection.fetch(_PARTS, name, batch_rows))
        self._total += sum(part["pages"] for part in parts)
        for part in parts:
            for page in range(0, part["pages"], part["step"]):
                await self._replicas.keep_up()
                end = page + part["step"]
                started = time.monotonic()
                self.rows += await persistently(self._session, partial(self._batch, part["name"], page, end))
                worked_s = time.monotonic() - started
                self._done += min(end, part["pages"]) - page
                progress = Progress(step=_STEP, done=self._done, total=self._total, unit="pages")
                self._session.ctx.emit(progress)
                if throttle := self._session.execution.throttle:
                    await anyio.sleep(throttle * worked_s)
        return self.rows - before

    async def _batch(self, part: str, page: int, end: int) -> int:
        # Line breaks: the parts may end in comments.
        sql = (
            f"UPDATE ONLY {part} AS {self._alias}\nSET {self._statement.set}\nWHERE ({self._statement.where}\n)"
            f" AND {self._alias}.ctid >= '({page},0)'::tid AND {self._alias}.ctid < '({end},0)'::tid"
        )
        tag: str = await self._guarded(self._session.connection.execute(sql))
        return int(tag.split()[-1])

    async def _guarded(self, waiting: Any) -> Any:
        import asyncpg

        try:
            return await waiting
        except asyncpg.PostgresError as error:
            if is_lost(self._session.connection, error):
                raise
            raised = failure(self._session.plan, self._number, error)
            raise self._session.failed(self._number, raised) from error
