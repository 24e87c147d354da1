"""Goes on with a run: what was copied stays where it is still what a new snapshot has; the rest is copied anew.

A chunk is as it was if its relation has the same file, as many rows are visible in its range, and none of them was
written by a transaction that was not over, for everybody, when the older snapshot was taken. (A row that a savepoint
wrote has a number of its own, which ``pg_visible_in_snapshot`` takes for visible while its transaction runs. So the
snapshot's ``xmin`` is what counts: at worst a chunk is copied again that need not be.)
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from confiture.model import Progress, StepFinished, StepStarted
from confiture.quoting import quote_ident
from confiture.transfer import keep_connections, prepare_session, reading, run_workers
from confiture_sync.copying.chunks import is_alone
from confiture_sync.copying.state import ChunkRecord, State

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_sync.copying.running import Running
    from confiture_sync.values import Job, TablePlan

__all__ = ["go_on"]

Chunks: TypeAlias = Mapping[str, Sequence[ChunkRecord]]

_STEP = "sync.compare"
_XID = 0xFFFFFFFF  # rows have the lower half of a transaction's number


async def go_on(
    ctx: Context, job: Job, plans: Sequence[TablePlan], run: Running, fresh: Chunks
) -> tuple[dict[str, list[ChunkRecord]], dict[str, list[ChunkRecord]]]:
    """The chunks that stay, and those to copy, by table. Rows of all others are gone from the target afterwards.

    ``fresh`` are the chunks of a run that begins now.
    """
    started = time.monotonic()
    ctx.emit(StepStarted(step=_STEP, label="compare what was copied"))
    async with ctx.connect(job.target) as connection:
        recorded: dict[str, list[ChunkRecord]] = {plan.label: [] for plan in plans}
        for chunk in await run.state.read_chunks(connection, run.run_id):
            recorded[chunk.table].append(chunk)
        same = await _Comparing(ctx, job, run).run(
            [(plan, chunk) for plan in plans for chunk in _comparable(plan, recorded[plan.label], fresh, run)]
        )
        done: dict[str, list[ChunkRecord]] = {}
        todo: dict[str, list[ChunkRecord]] = {}
        # All of them before the first row moves: a row that was updated may be in another chunk now, and must not meet
        # its former self.
        for plan in plans:
            label = plan.label
            kept = [chunk for chunk in recorded[label] if (label, chunk.number) in same]
            async with ctx.transaction(connection):
                done[label], todo[label] = await _renew(
                    connection, run, plan, recorded[label], kept, fresh[label], upsert=job.request.upsert
                )
    count = sum(map(len, done.values()))
    copied = sum(chunk.xid is not None for chunks in recorded.values() for chunk in chunks)
    summary = f"{count} of {copied} parts are as they were"
    ctx.emit(StepFinished(step=_STEP, seconds=time.monotonic() - started, summary=summary))
    return done, todo


def _comparable(plan: TablePlan, chunks: Sequence[ChunkRecord], fresh: Chunks, run: Running) -> Sequence[ChunkRecord]:
    """The chunks that are copied, and may be as they were."""
    if not is_alone(plan):
        return ()
    return [
        chunk
        for chunk in _standing(chunks, fresh[plan.label])
        if chunk.xid is not None
        and chunk.filenode is not None
        and chunk.snapshot is not None
        and run.position.may_follow(chunk.snapshot)
    ]


def _standing(chunks: Sequence[ChunkRecord], fresh: Sequence[ChunkRecord]) -> Sequence[ChunkRecord]:
    """The chunks whose ranges still hold."""
    files = {(chunk.relation, chunk.filenode, chunk.digest) for chunk in fresh}
    return [chunk for chunk in chunks if (chunk.relation, chunk.filenode, chunk.digest) in files]


async def _renew(
    connection: Connection,
    run: Running,
    plan: TablePlan,
    recorded: Sequence[ChunkRecord],
    kept: Sequence[ChunkRecord],
    fresh: Sequence[ChunkRecord],
    *,
    upsert: bool,
) -> tuple[list[ChunkRecord], list[ChunkRecord]]:
    """Take the rows of a table that do not stay out of the target; what stays, and what is to be copied."""
    await prepare_session(connection)
    # Rows that replaced others stay until they are replaced again: nobody knows what they replaced.
    if not upsert and not await _take_out(connection, plan, recorded, kept):
        kept = []
    standing = _standing(recorded, fresh)
    covered = {chunk.relation for chunk in standing}
    following = max((chunk.number for chunk in recorded), default=-1) + 1
    new = [chunk for chunk in fresh if chunk.relation not in covered]
    todo = [_again(chunk, chunk.number) for chunk in standing if chunk not in kept]
    todo += [_again(chunk, following + number) for number, chunk in enumerate(new)]
    gone = [chunk.number for chunk in recorded if chunk not in standing]
    await _write(run.state, connection, run.run_id, plan.label, gone, todo)
    return list(kept), todo


async def _write(
    state: State, connection: Connection, run_id: str, table: str, gone: Sequence[int], todo: Sequence[ChunkRecord]
) -> None:
    if gone:
        await state.remove_chunks(connection, run_id, table, gone)
    if todo:
        await state.plan_chunks(connection, run_id, todo)


def _again(chunk: ChunkRecord, number: int) -> ChunkRecord:
    """The chunk, with nothing copied of it."""
    return ChunkRecord(
        table=chunk.table,
        number=number,
        relation=chunk.relation,
        condition=chunk.condition,
        filenode=chunk.filenode,
        digest=chunk.digest,
        estimated_rows=chunk.estimated_rows,
    )


async def _take_out(
    connection: Connection, plan: TablePlan, recorded: Sequence[ChunkRecord], kept: Sequence[ChunkRecord]
) -> bool:
    """Leave the rows of the chunks that are ``kept``, if the table holds what is recorded, else none at all.

    Each row tells the transaction that wrote it, and each chunk was one. False: the table is empty now.
    """
    # Rows that a policy hides would be taken for none.
    await connection.execute("SET LOCAL row_security = off")
    table = f"{'ONLY ' if plan.target.only else ''}{plan.target.sql}"
    written = await connection.fetch(f"SELECT xmin::text::bigint AS xid, count(*) AS rows FROM {table} GROUP BY 1")
    found = {row["xid"]: row["rows"] for row in written}
    expected = {chunk.xid & _XID: chunk.rows for chunk in recorded if chunk.xid is not None and chunk.rows}
    if found != expected:
        if found:
            await connection.execute(f"TRUNCATE {table}")
        return False
    staying = {chunk.xid & _XID for chunk in kept if chunk.xid is not None}
    leaving = sorted(expected.keys() - staying)
    if leaving and not expected.keys() & staying:
        await connection.execute(f"TRUNCATE {table}")
    elif leaving:
        await connection.execute(
            f"DELETE FROM {table} WHERE xmin = ANY ($1::text[]::pg_catalog.xid[])", [str(xid) for xid in leaving]
        )
    return True


class _Comparing:
    """Asks the source about chunks, with several sessions."""

    def __init__(self, ctx: Context, job: Job, run: Running) -> None:
        self._ctx = ctx
        self._job = job
        self._run = run
        self._same: set[tuple[str, int]] = set()
        self._waiting: deque[tuple[TablePlan, ChunkRecord]] = deque()
        self._total = 0

    async def run(self, chunks: Sequence[tuple[TablePlan, ChunkRecord]]) -> frozenset[tuple[str, int]]:
        """Label and number of those that are as they were."""
        self._waiting.extend(chunks)
        self._total = len(chunks)
        await run_workers(self._job.request.jobs, self._total, self._work)
        return frozenset(self._same)

    async def _work(self) -> None:
        async with keep_connections(self._ctx) as ctx:
            while self._waiting:
                plan, chunk = self._waiting.popleft()
                if await self._is_same(ctx, plan, chunk):
                    self._same.add((chunk.table, chunk.number))
                done = self._total - len(self._waiting)
                self._ctx.emit(Progress(step=_STEP, done=done, total=self._total, unit="parts"))

    async def _is_same(self, ctx: Context, plan: TablePlan, chunk: ChunkRecord) -> bool:
        assert chunk.snapshot is not None
        selection = plan.selection
        alias = quote_ident(plan.table.mask.name)
        conditions = [chunk.condition] if selection is None else [chunk.condition, selection.condition]
        query = (
            f"SELECT count(*) AS rows, count(*) FILTER (WHERE pg_catalog.age({alias}.xmin) <= "
            f"pg_catalog.age($1::text::pg_catalog.xid)) AS written FROM {chunk.relation} AS {alias}\n"
            f"WHERE {' AND '.join(f'({each}{chr(10)})' for each in conditions)}"
        )
        oldest = int(chunk.snapshot.partition(":")[0]) & _XID
        async with reading(
            ctx,
            self._job.source,
            snapshot=self._job.snapshot.id,
            settings={} if selection is None else selection.settings,
        ) as connection:
            row = await connection.fetchrow(query, str(oldest))
        return bool(row["rows"] == chunk.rows and row["written"] == 0)
