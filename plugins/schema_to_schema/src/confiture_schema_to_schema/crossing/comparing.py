"""Whether the other side is what the map gives of the live one: before the pause all of it, within it what is small."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from confiture.cli.units import many
from confiture.errors import ProofFailed
from confiture.sides import shown_side
from confiture_schema_to_schema.crossing.lately import compare_lately
from confiture_schema_to_schema.crossing.pending import newer_of
from confiture_schema_to_schema.crossing.state import crossings_of
from confiture_schema_to_schema.crossing.stranding import find_stranded, refuse_stranded
from confiture_schema_to_schema.following import catch_up
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.model import ValidatedTable
from confiture_schema_to_schema.validating.recording import map_digest, validations_of
from confiture_schema_to_schema.validating.tables import validate_tables
from confiture_schema_to_schema.values import TargetTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.protocols import Context
    from confiture_schema_to_schema.crossing.ways import Way
    from confiture_schema_to_schema.values import Job

__all__ = ["compare_all", "compare_small", "is_validated"]

#: So often a table that differs is compared again, with all that was written meanwhile brought over.
_ROUNDS: Final = 3
#: Who validates once a day does not wait at a crossing for another comparison.
_RECENT: Final = dt.timedelta(hours=26)
#: What is compared within the pause: so many rows, of so many tables, and not for longer than this share of the budget.
_SMALL_ROWS: Final = 20_000
_SMALL_TABLES: Final = 20
_SHARE: Final = 0.15


async def is_validated(ctx: Context, way: Way) -> bool:
    """Whether the last validation of all tables was by this map, this way and since the last crossing, and clean.

    And not long ago: what was brought over since nobody has compared.
    """
    async with ctx.connect(way.sides.target) as connection:
        now: dt.datetime = await connection.fetchval("SELECT pg_catalog.clock_timestamp()")
        found = await validations_of(ctx).all(connection, way.run_id)
        crossings = await crossings_of(ctx).all(connection, way.run_id)
    ended = max((each.finished for each in crossings if each.outcome == "crossed" and each.finished), default=None)
    last = found[-1] if found else None
    if last is None or last.at is None or now - last.at > _RECENT or (ended is not None and last.at < ended):
        return False
    return last.clean and last.digest == map_digest(way.job)


async def compare_all(ctx: Context, way: Way, epoch: int) -> Sequence[str]:
    """Compare every table, while applications write; what was found, for people.

    Before a cutover that comes after a rollback, tables that differ are brought over anew, once: what the new database
    has of its own, from the time when it was the live one, is not the map's. Raises ``ProofFailed`` naming those that
    differ.
    """
    left, done, started = list(way.job.tables), list[ValidatedTable](), time.monotonic()
    anew: Sequence[TargetTable] | None = None if await _was_back(ctx, way) else ()
    found: Sequence[ValidatedTable] = ()
    newer = newer_of(ctx, way.job, way.watch)
    for _ in range(_ROUNDS):
        await catch_up(ctx, way.job, way.watch, epoch, recent=way.recent)
        job = msgspec.structs.replace(way.job, tables=tuple(left))
        # What is written meanwhile is brought over by nobody else, so that the capture tells of all of it.
        found = await validate_tables(ctx, job, newer=newer, pauses_s=(0.0,))
        done += [table for table in found if table.ok]
        bad = {table.table for table in found if not table.ok}
        left = [table for table in left if table.label in bad]
        if not left:
            break
        if anew is None:
            anew = left
            await _copy_anew(ctx, way, left)
    done += [table for table in found if not table.ok]
    async with ctx.connect(way.sides.target) as connection:
        await validations_of(ctx).add(connection, way.run_id, way.job, done, time.monotonic() - started)
    if left:
        raise _differ(way, [table for table in done if not table.ok])
    return [
        f"{len(done)} tables are equal",
        *([f"{len(anew)} of them brought over anew: {', '.join(table.label for table in anew)}"] if anew else []),
    ]


async def _was_back(ctx: Context, way: Way) -> bool:
    """Whether the new database has been the live one before, and is to be it again."""
    if way.direction != "cutover":
        return False
    async with ctx.connect(way.sides.target) as connection:
        crossings = await crossings_of(ctx).all(connection, way.run_id)
    return any(each.direction == "rollback" and each.outcome == "crossed" for each in crossings)


async def _copy_anew(ctx: Context, way: Way, tables: Sequence[TargetTable]) -> None:
    async with ctx.connect(way.sides.target) as connection:
        numbers = [part.number for table in tables for part in table.parts]
        await follow_state_of(ctx).copy_anew(connection, way.run_id, numbers)


async def compare_small(ctx: Context, way: Way, budget_s: float, may_lose: frozenset[str]) -> str:
    """Compare small tables while nobody writes, where the time is enough, and of the others the rows that came last.

    What was compared, for people. Raises ``ProofFailed`` naming tables that differ, ``Irreversible`` as
    :func:`.stranding.check_stranded`.
    """
    small = _small(way.job, way.job.tables)
    tables = rows = 0
    with anyio.move_on_after(budget_s * _SHARE):
        if small:
            job = msgspec.structs.replace(way.job, tables=small)
            found = await validate_tables(ctx, job, jobs=1, pauses_s=())
            if bad := [each for each in found if not each.ok and each.not_comparable is None]:
                raise _differ(way, bad)
        tables = len(small)
        if way.back is not None:
            partial = _small(way.back, [table for table in way.stranding() if table.label not in may_lose])
            if partial:
                refuse_stranded(way, await find_stranded(ctx, way.back, partial))
        rows, differing = await compare_lately(ctx, way, [table for table in way.job.tables if table not in small])
        if any(differing.values()):
            raise _differ(way, [_differing(label, number) for label, number in differing.items() if number])
    compared = f"{tables} of {many(len(way.job.tables), 'table')}"
    return f"{compared}, {many(rows, 'key')} of others" if rows else compared


def _small(job: Job, tables: Sequence[TargetTable]) -> tuple[TargetTable, ...]:
    found, rows = list[TargetTable](), 0
    for table in sorted(tables, key=lambda each: _rows(job, each))[:_SMALL_TABLES]:
        rows += _rows(job, table)
        if rows <= _SMALL_ROWS:
            found.append(table)
    return tuple(found)


def _rows(job: Job, table: TargetTable) -> int:
    return sum(max(job.old.tables[part.source].rows, 0) for part in table.parts if part.source in job.old.tables)


def _differing(label: str, rows: int) -> ValidatedTable:
    return ValidatedTable(table=label, source_rows=0, target_rows=0, segments=0, differing=rows)


def _differ(way: Way, tables: Sequence[ValidatedTable]) -> ProofFailed:
    named = ", ".join(
        f"{table.table} ({table.not_comparable or f'{table.differing} rows'})"
        for table in sorted(tables, key=lambda each: each.table)
    )
    shown, live = shown_side(way.other), shown_side(way.live)
    if way.direction == "cutover":
        message, mend = f"tables of {shown!r} are not what the map gives of {live!r}", "what changes on the old side"
    else:
        message = f"tables of {shown!r} are not what the map, read backwards, gives of {live!r}"
        mend = "what changes on the new side"
    return ProofFailed(
        f"{message}: {named}",
        hint="`confiture migrate schema-to-schema validate` names the rows; nothing was switched. A row is brought "
        f"over anew by {mend}: an UPDATE that sets a column to what it is will do",
    )
