"""Makes the new database's tables ready to take rows, and completes them when these are there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from confiture.errors import PermissionMissing
from confiture.loading import (
    Failure,
    Part,
    Phase,
    PutBack,
    Record,
    Thing,
    altering,
    failed,
    qualify,
    read_indexes,
    read_keys,
    read_parts,
    read_switches,
    side_by_side,
    take,
)
from confiture.model import Progress, StepFinished, StepStarted
from confiture.transfer import run_workers, worker_count
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.creating.recording import records_of
from confiture_schema_to_schema.creating.sequences import set_all_sequences

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Job, TargetTable

__all__ = ["Staging"]

#: Below both, to build an index at the end gains less than its two statements cost.
_WORTH_ROWS = 20_000
_WORTH_BYTES = 16 << 20
#: The record that everything was taken off for a migration. It outlives the last thing that is put back: an attempt
#: that comes after that must not begin again.
_RUN = "schema-to-schema"
_PUT = (Phase.INDEX, Phase.ATTACH)
_MEND = (
    "all the rest is back. Mend the rows that are in the way on the new database, or whatever else is named, then "
    "`confiture migrate schema-to-schema resume` tries these again"
)


class Staging:
    """What is taken off the target's tables before the rows come, and when it is put back.

    Everything is recorded on the target in the transaction that takes it off: any kill leaves what is to be put back.
    ``jobs`` as in ``[schema-to-schema]``, whose value None stands for.
    """

    def __init__(self, ctx: Context, job: Job, jobs: int | None) -> None:
        self.ctx = ctx
        self.job = job
        self.target = job.sides.target
        self.records = records_of(ctx)
        self.jobs = worker_count(ctx.settings(SECTION, SchemaToSchemaConfig).jobs if jobs is None else jobs)
        self._labels: dict[str, frozenset[str]] = {}
        #: Labels of what lacks an index; None: not looked at yet.
        self._lacking: set[str] | None = None
        self._failures: list[Failure] = []
        self._building = 0

    async def take_off(self) -> None:
        """Secondary indexes, unique constraints, primary keys of large tables, foreign keys; triggers are disabled.

        Foreign keys that lead to the tables go as well, or no table could be emptied, and no key of theirs taken off.
        Where a former attempt did that already, what it has not yet put back stays off, and nothing else is taken.

        Raises ``Busy`` for tables that others hold, ``PermissionMissing``.
        """
        import asyncpg

        async with (
            _step(self.ctx, "prepare", "prepare the new database's tables"),
            self.ctx.connect(self.target) as connection,
        ):
            try:
                await self._take(connection)
            except asyncpg.InsufficientPrivilegeError as error:
                raise PermissionMissing(
                    f"what is in the way of the rows could not be taken off in {self.target.database!r}: "
                    f"{error.message}",
                    hint="the role needs to own the tables that it fills, and those with foreign keys to them",
                    sqlstate=error.sqlstate,
                ) from None
            await self._labels_of(connection, "")
            self._lacking = {r.label for r in await self.records.read(connection) if r.phase in _PUT}

    async def _take(self, connection: Connection) -> None:
        async with altering(self.ctx, self.target, connection) as watched:
            known = await self.records.read(connection)
            if any(record.phase is Phase.RUN and record.run == self.job.run_id for record in known):
                return
            parts = await read_parts(connection, [table.table.sql for table in self.job.tables])
            watched += [part.oid for part in parts]
            await qualify(connection)
            await self.records.create(connection)
            if known:
                await self.records.end(connection)  # of a migration that came to its end before
            await self.records.add(connection, self.job.run_id, [_run()])
            # One by one: an index that a foreign key uses can only be seen to be free when that key is gone.
            await take(connection, self.records, self.job.run_id, await read_keys(connection, parts))
            things = [*await self._indexes(connection, parts), *await read_switches(connection, parts)]
            await take(connection, self.records, self.job.run_id, things)

    async def _indexes(self, connection: Connection, parts: Sequence[Part]) -> list[Thing]:
        sizes = {table.label: _expected(self.job, table) for table in self.job.tables}
        bytes_of = {
            part.oid: sizes[part.label][1]
            for part in parts
            if part.oid == part.root and part.label in sizes and _worth(*sizes[part.label])
        }
        return await read_indexes(connection, [p for p in parts if p.root in bytes_of], bytes_of, primary=True)

    async def finish_table(self, label: str) -> None:
        """All rows of the table are there: its primary key, then its other indexes. May run beside copies of others.

        What cannot be put back is told by :meth:`finish`.
        """
        if self._lacking is not None and not self._labels.get(label, frozenset((label,))) & self._lacking:
            return  # a small table: it costs no connection
        async with self.ctx.connect(self.target) as connection:
            labels = await self._labels_of(connection, label)
            known = await self._open_records(connection)
            mine = [record for record in known if record.label in labels and record.phase in _PUT]
            if not mine:
                return
            # Others may be building too: together no more sessions than were asked for, one at least.
            jobs = max(self.jobs - self._building, 1)
            put = PutBack(self.ctx, self.target, self.records, jobs)
            put.failures += (before := tuple(self._failures))  # what is made of an index that failed is not tried
            self._building += jobs
            try:
                async with _step(self.ctx, f"indexes.{label}", f"build the indexes of {label}") as step:
                    await put.run(connection, mine, _PUT, step, tables=labels)
            finally:
                self._building -= jobs
                self._failures += put.failures[len(before) :]

    async def _open_records(self, connection: Connection) -> list[Record]:
        """Those that were not tried in vain by this process: a second time costs as much, and ends in the same way."""
        vain = {failure.record.number for failure in self._failures}
        return [record for record in await self.records.read(connection) if record.number not in vain]

    async def _labels_of(self, connection: Connection, label: str) -> frozenset[str]:
        """The table's, and those of its partitions."""
        if not self._labels:
            by_root: dict[int, set[str]] = {}
            roots: dict[str, int] = {}
            for part in await read_parts(connection, [table.table.sql for table in self.job.tables]):
                by_root.setdefault(part.root, set()).add(part.label)
                if part.oid == part.root:
                    roots[part.label] = part.oid
            self._labels = {root: frozenset(by_root[oid]) for root, oid in roots.items()}
        return self._labels.get(label, frozenset((label,)))

    async def finish(self) -> None:
        """All tables: what is left of indexes; foreign keys NOT VALID, then validated; triggers, sequences, ANALYZE.

        Raises ``ExecutionError`` naming what could not be put back, and how many rows are in its way; all the rest is
        back then.
        """
        await self._finish_tables()
        put = PutBack(self.ctx, self.target, self.records, self.jobs)
        async with self.ctx.connect(self.target) as connection:
            known = await self._open_records(connection)
            async with _step(self.ctx, "constraints", "put back foreign keys and triggers") as step:
                await put.run(connection, known, (Phase.KEY,), step)
                vain = {(failure.record.label, failure.record.name) for failure in put.failures}
                known = [r for r in known if r.phase is not Phase.VALIDATE or (r.label, r.name) not in vain]
                await put.run(connection, known, (Phase.VALIDATE, Phase.SWITCH), step)
            async with _step(self.ctx, "sequences", "set the sequences"):
                await set_all_sequences(self.ctx, self.job, connection)
        async with _step(self.ctx, "analyze", "collect the planner's statistics") as step:
            await self._analyze(step)
        if failures := (*self._failures, *put.failures):
            raise failed(failures, self.target, hint=_MEND)

    async def _finish_tables(self) -> None:
        """Of tables that were completed by an attempt that was killed before their indexes were."""
        async with self.ctx.connect(self.target) as connection:
            known = await self._open_records(connection)
            waiting = {record.label for record in known if record.phase in _PUT}
            if not waiting:
                return
            labels = [t.label for t in self.job.tables if await self._labels_of(connection, t.label) & waiting]
        left = iter(labels)

        async def work() -> None:
            for label in left:
                await self.finish_table(label)

        await run_workers(self.jobs, len(labels), work)

    async def _analyze(self, step: str) -> None:
        done = 0

        async def analyze(connection: Connection, table: TargetTable) -> None:
            nonlocal done
            async with altering(self.ctx, self.target, connection, later=True):
                await connection.execute(f"ANALYZE {table.table.sql}")
            done += 1
            self.ctx.emit(Progress(step=step, done=done, total=len(self.job.tables), unit="tables"))

        largest_first = sorted(self.job.tables, key=lambda table: -_expected(self.job, table)[1])
        await side_by_side(self.ctx, self.target, self.jobs, largest_first, analyze)


def _expected(job: Job, table: TargetTable) -> tuple[int, int]:
    """How many rows it will hold, and how many bytes they are: as many as the tables that they come from."""
    sources = [job.old.tables[part.source] for part in table.parts if part.source in job.old.tables]
    return sum(source.rows for source in sources), sum(source.bytes + source.toast for source in sources)


def _worth(rows: int, size: int) -> bool:
    return rows >= _WORTH_ROWS or size >= _WORTH_BYTES


def _run() -> Record:
    return Record(phase=Phase.RUN, kind=_RUN, schema="", table="", name="", statements=())


@asynccontextmanager
async def _step(ctx: Context, step: str, label: str) -> AsyncIterator[str]:
    name = f"{SECTION}.{step}"
    started = time.monotonic()
    ctx.emit(StepStarted(step=name, label=label))
    yield name
    ctx.emit(StepFinished(step=name, seconds=time.monotonic() - started))
