"""Takes off what is in the way of the rows, and says on the target what it was, in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from confiture.errors import Busy, Refused
from confiture.transfer import prepare_session
from confiture_sync.copying.state import state_of
from confiture_sync.load.indexes import read_indexes
from confiture_sync.load.keys import read_keys
from confiture_sync.load.parts import Part, Thing, read_parts
from confiture_sync.load.records import Phase, Record, Records
from confiture_sync.load.switches import read_switches
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["altering", "is_upsert", "prepare", "refuse_unfinished", "take_keys"]

#: Somebody who looks at a table for longer than that is named rather than waited for.
_LOCK_TIMEOUT_S = 30
#: Below that, to build an index at the end gains less than its two statements cost.
_WORTH_ROWS = 20_000
_LATER = "; SET LOCAL synchronous_commit = off"
_HOLDERS = """
SELECT DISTINCT l.pid, coalesce(nullif(a.application_name, ''), a.usename::text, '?') AS name
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid() AND l.relation = ANY($1::oid[])
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
 ORDER BY 1
"""


@asynccontextmanager
async def altering(
    ctx: Context, target: Target, connection: Connection, *, later: bool = False
) -> AsyncIterator[list[int]]:
    """A transaction whose statements take as long as they take, and wait for nobody's locks for long.

    ``later``: its end need not be on disk at once, since another transaction comes after it; what a crash of the
    server takes back then, it takes back with its record. Raises ``Busy`` for tables that others hold, naming who uses
    those whose OIDs are in the list that it gives.
    """
    import asyncpg

    oids: list[int] = []
    try:
        async with ctx.transaction(connection):
            await prepare_session(connection)
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'{_LATER if later else ''}")
            yield oids
    except asyncpg.LockNotAvailableError:
        holders = await connection.fetch(_HOLDERS, oids) if oids else []
        named = "".join(f"; process {row['pid']} ({row['name']}) uses one" for row in holders)
        raise Busy(
            f"tables of {target.label!r} are in use by another session{named}",
            hint="end it (pg_stat_activity shows what it does), or try again when it has ended",
        ) from None


async def prepare(ctx: Context, job: Job, plans: Sequence[TablePlan], records: Records) -> None:
    """Make the tables ready: all of it, or nothing. Tables whose rows go away lose them in the same transaction.

    A run that is gone on with keeps its rows, and the indexes that were built before it was cut. Raises ``Refused``
    where another run was left unfinished, ``Busy``, ``PermissionMissing``.
    """
    request = job.request
    async with ctx.connect(job.target) as connection, altering(ctx, job.target, connection) as watched:
        known = await records.read(connection)
        unfinished = await state_of(ctx).unfinished(connection)
        if not request.resume and (known or unfinished is not None):
            raise refuse_unfinished(job.target)
        if request.resume and not known and unfinished is None:
            return  # nothing to go on with: the copy will say so
        run = known[0].run if known else job.run_id if unfinished is None else unfinished.run_id
        parts = await read_parts(connection, [plan.target.sql for plan in plans])
        watched += [part.oid for part in parts]
        roots = [part for part in parts if part.oid == part.root]
        await _qualify(connection)
        things = [*await read_keys(connection, parts), *await read_switches(connection, parts)]
        if not (request.resume or request.upsert):
            things += await _indexes(connection, parts, plans)
        await records.create(connection)
        if not known:
            await records.add(connection, run, _run(roots, upsert=request.upsert))
        await _take(connection, records, run, things)
        if request.truncate and not request.resume:
            await connection.execute(f"TRUNCATE {', '.join(part.only for part in roots)}")


async def take_keys(connection: Connection, records: Records, run: str, tables: Iterable[str]) -> None:
    """Take off the foreign keys of ``tables`` (names in SQL), in the transaction that is open."""
    parts = await read_parts(connection, list(tables))
    await _qualify(connection)
    await _take(connection, records, run, await read_keys(connection, parts))


async def _qualify(connection: Connection) -> None:
    """Have the catalogs name every object with its schema."""
    await connection.execute("SET LOCAL search_path = ''")


async def _indexes(connection: Connection, parts: Sequence[Part], plans: Sequence[TablePlan]) -> list[Thing]:
    wanted = {
        plan.target.label: plan.table.bytes
        for plan in plans
        if (plan.table.rows if plan.selection is None or plan.selection.rows is None else plan.selection.rows)
        >= _WORTH_ROWS
    }
    sizes = {part.oid: wanted[part.label] for part in parts if part.oid == part.root and part.label in wanted}
    return await read_indexes(connection, [part for part in parts if part.root in sizes], sizes)


def _run(roots: Sequence[Part], *, upsert: bool) -> list[Record]:
    first = Record(phase=Phase.RUN, kind="upsert" if upsert else "run", schema="", table="", name="", statements=())
    return [first] + [
        Record(phase=Phase.RUN, kind="table", schema=part.schema, table=part.name, name="", statements=(part.only,))
        for part in roots
    ]


async def _take(connection: Connection, records: Records, run: str, things: Sequence[Thing]) -> None:
    if not things:
        return
    await records.add(connection, run, [record for thing in things for record in thing.records])
    await connection.execute("; ".join(thing.off for thing in things))


def is_upsert(known: Sequence[Record]) -> bool:
    """Whether the run that was recorded replaces rows in tables that hold others."""
    return any(record.kind == "upsert" for record in known)


def refuse_unfinished(target: Target) -> Refused:
    """A run was begun and is neither finished nor abandoned."""
    return Refused(
        f"a sync into {target.label!r} was not finished: its tables lack foreign keys, indexes or rows",
        hint="go on with it (--resume), or give it up: `confiture sync abandon` puts back what was taken off, and "
        "empties the tables that are not complete",
    )
