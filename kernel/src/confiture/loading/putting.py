"""Puts back what the records say, each thing in a transaction of its own, which takes its record away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import ExecutionError
from confiture.loading.records import PRIMARY, Phase, Record, Records
from confiture.loading.sessions import side_by_side
from confiture.loading.taking import altering
from confiture.model import Progress

if TYPE_CHECKING:
    import asyncpg

    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["Failure", "PutBack", "failed"]

#: An index over ten million integers is sorted in it without a file. Each session has as much at once, so not more;
#: a server that was given more keeps it.
_SORT_MEMORY = (
    "SELECT pg_catalog.set_config('maintenance_work_mem', '256MB', true) FROM pg_catalog.pg_settings "
    "WHERE name = 'maintenance_work_mem' AND setting::bigint < 262144"
)
#: Classes of SQLSTATE whose messages name objects and never hold a value (their DETAIL does): 23 integrity,
#: 42 access and names, 55 states, 53 resources.
_TELLING = ("23", "42", "55", "53")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be put back, and why, without values."""

    record: Record
    why: str


class PutBack:
    """Puts back, and remembers in ``failures`` what could not be: the rest is put back all the same."""

    def __init__(self, ctx: Context, target: Target, records: Records, jobs: int) -> None:
        self.ctx = ctx
        self.target = target
        self.records = records
        self.jobs = jobs
        self.failures: list[Failure] = []

    async def run(
        self,
        connection: Connection,
        known: Sequence[Record],
        phases: Sequence[Phase],
        step: str,
        *,
        tables: Collection[str] | None = None,
    ) -> None:
        """Those of ``known`` that are of ``phases``, in their order; of the indexes, those of primary keys first.

        ``tables`` are labels: nothing but what is theirs is put back, so that one table's indexes are built while rows
        still go into others. A partition is a table of its own (:attr:`Part.label` of each that :func:`read_parts`
        gives). ``step`` is what progress is told under. Several calls at once need a ``connection`` each.

        Raises ``Busy`` for a table that another session holds.
        """
        mine = [record for record in known if record.phase in phases and (tables is None or record.label in tables)]
        done = 0

        async def put(session: Connection, work: tuple[Record, ...]) -> None:
            nonlocal done
            for record in work:
                if not self._in_vain(record, tables):
                    await self._put(session, record)
                done += 1
                self.ctx.emit(Progress(step=step, done=done, total=len(mine), unit="objects"))

        for phase in phases:
            work = [record for record in mine if record.phase is phase]
            if phase is Phase.INDEX:
                work.sort(key=lambda record: -record.bytes)
                # A primary key needs its table for itself when its index is built, and would wait for other builds.
                for first in (True, False):
                    round_ = [(record,) for record in work if (record.kind == PRIMARY) is first]
                    await self._at_once(connection, round_, put)
            elif phase is Phase.VALIDATE:
                # Two validations of one table wait for each other.
                by_table: dict[str, tuple[Record, ...]] = {}
                for record in sorted(work, key=lambda record: -record.bytes):
                    by_table[record.label] = (*by_table.get(record.label, ()), record)
                await self._at_once(connection, list(by_table.values()), put)
            else:
                await put(connection, tuple(work))

    async def _at_once(
        self,
        connection: Connection,
        work: Sequence[tuple[Record, ...]],
        put: Callable[[Connection, tuple[Record, ...]], Awaitable[None]],
    ) -> None:
        if len(work) < 2 or self.jobs < 2:
            for each in work:
                await put(connection, each)
        else:
            await side_by_side(self.ctx, self.target, self.jobs, work, put)

    async def _put(self, connection: Connection, record: Record) -> None:
        import asyncpg

        try:
            async with altering(self.ctx, self.target, connection, later=True):
                if record.phase is Phase.INDEX:
                    await connection.execute(_SORT_MEMORY)
                for statement in record.statements:
                    await connection.execute(statement)
                await self.records.drop(connection, record.number)
        except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
            raise
        except asyncpg.PostgresError as error:
            why = _why(error)
            dangling = isinstance(error, asyncpg.ForeignKeyViolationError)
        else:
            return
        if dangling and record.dangling is not None:
            count = await connection.fetchval(record.dangling)
            why = f"{count} row{'' if count == 1 else 's'} without a parent"
        self.failures.append(Failure(record=record, why=why))

    def _in_vain(self, record: Record, tables: Collection[str] | None) -> bool:
        """What is made of an index that could not be built."""
        return record.phase is Phase.ATTACH and any(
            failure.record.phase is Phase.INDEX and (tables is None or failure.record.label in tables)
            for failure in self.failures
        )


def failed(failures: Sequence[Failure], target: Target, *, hint: str) -> ExecutionError:
    """What is raised for them. ``hint`` says which command tries again, when the rows have been mended."""
    told = "; ".join(
        f"the {failure.record.kind} {failure.record.name!r} of {failure.record.label!r}: {failure.why}"
        for failure in failures
    )
    return ExecutionError(
        f"not everything could be put back on {target.label!r}: {told}",
        hint=hint,
    )


def _why(error: asyncpg.PostgresError) -> str:
    state = error.sqlstate or ""
    return str(error.message) if state[:2] in _TELLING and error.message else f"{type(error).__name__} ({state})"
