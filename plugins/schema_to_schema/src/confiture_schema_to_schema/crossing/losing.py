"""Tables of the new database that nothing leads back from: what a rollback would lose there, and who accepts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING

from confiture.errors import CaptureBroken, Irreversible, UsageError
from confiture.hooks import CAPTURE
from confiture.model import CapturedTable
from confiture.protocols import CountingCapture
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture_schema_to_schema.capturing import Watch
from confiture_schema_to_schema.compiling.naming import find_table
from confiture_schema_to_schema.following.loosening import dangling_rows
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.model import LostTable

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.crossing.ways import Way
    from confiture_schema_to_schema.values import Job

__all__ = [
    "accepted",
    "capture_losses",
    "check_keys",
    "check_losses",
    "copy_anew",
    "count_losses",
    "forget_losses",
    "loss_name",
    "loss_watch",
    "told_loss",
]


def loss_name(capture_name: str) -> str:
    """What the capture of losses is called on the new database, by the name of that of the way there."""
    return f"{capture_name}_lost"


def loss_watch(job: Job, lost: Sequence[str], watch: Watch) -> Watch | None:
    """What counts the changes of the new tables ``lost``; None where there are none. ``watch`` is that of ``job``."""
    if not lost:
        return None
    tables = []
    for label in lost:
        table = job.new.tables[label]
        key = table.keys[0].columns if table.keys else (table.columns[0].name,)
        tables.append(CapturedTable(label=label, sql=table.sql, columns=key, key=len(key)))
    return Watch(capture=watch.capture, name=loss_name(watch.name), tables=tuple(tables), parts=(), back=True)


async def capture_losses(ctx: Context, way: Way) -> None:
    """Have changes there counted from now on, where the capture is one that can: another would keep the WAL.

    Of tables that nothing fills there may be some which the role does not own: there nobody counts.
    """
    if way.losses is None or not isinstance(capture := ctx.get(CAPTURE, way.losses.capture), CountingCapture):
        return
    found = await capture.preflight(ctx, way.sides.target, way.losses.tables)
    wrong = {each.table for each in found if each.level == "error"} & set(way.unfilled)
    tables = [table for table in way.losses.tables if table.label not in wrong]
    await capture.install(ctx, way.sides.target, way.losses.name, tables)


async def forget_losses(ctx: Context, way: Way) -> None:
    """What was counted so far is what came from the old database."""
    if way.losses is None or not isinstance(capture := ctx.get(CAPTURE, way.losses.capture), CountingCapture):
        return
    async with reading(ctx, way.sides.target) as connection:
        changes = await capture.poll(connection, way.losses.name)
    await capture.ack(ctx, way.sides.target, way.losses.name, changes)


async def count_losses(
    ctx: Context, new: Target, capture: str, name: str, lost: Sequence[str]
) -> tuple[LostTable, ...]:
    """How many changes the tables ``lost`` have had since the cutover, by what captures them: ``name``, of the provider
    ``capture``. None for a table of which nobody knows."""  # noqa: D205, D209
    provider = ctx.get(CAPTURE, capture)
    counts: Mapping[str, int] = {}
    if isinstance(provider, CountingCapture):
        async with ctx.connect(new) as connection:
            with suppress(CaptureBroken):  # it is not there: nobody counted
                counts = await provider.tally(connection, name)
    return tuple(LostTable(table=label, changes=counts.get(label)) for label in lost)


def accepted(way: Way, names: Sequence[str]) -> frozenset[str]:
    """The tables that somebody says may lose what was written to them. Raises ``UsageError`` for any other name."""
    lost = [table.label for table in way.losses.tables] if way.losses is not None else []
    lost += [table.label for table in way.stranding()]
    catalog = way.back.new if way.back is not None else None
    found = set()
    for name in names:
        table = find_table(catalog, name) if catalog is not None else None
        if table is None or table.label not in lost:
            raise UsageError(
                f"a rollback loses nothing of {name!r}",
                hint=f"those that it may are: {', '.join(lost)}" if lost else "all that was written is brought back",
            )
        found.add(table.label)
    return frozenset(found)


async def check_losses(
    ctx: Context, way: Way, may_lose: frozenset[str], *, verify: bool = False
) -> tuple[LostTable, ...]:
    """What a rollback loses. Raises ``Irreversible`` where that is more than ``may_lose``, with tables and numbers.

    ``verify``: look whether all of it was counted, too; where not, nobody knows.
    """
    if way.direction != "rollback" or way.losses is None:
        return ()
    new, watch = way.sides.target, way.losses
    found = []
    counted = await count_losses(ctx, new, watch.capture, watch.name, [table.label for table in watch.tables])
    for table, lost in zip(watch.tables, counted, strict=True):
        changes = lost.changes
        if verify and changes is not None:
            try:
                await ctx.get(CAPTURE, watch.capture).verify(ctx, new, watch.name, [table])
            except CaptureBroken:
                changes = None
        if changes is None and table.label in way.unfilled and await _is_empty(ctx, new, table):
            changes = 0
        found.append(LostTable(table=table.label, changes=changes))
    if refused := [lost for lost in found if lost.changes != 0 and lost.table not in may_lose]:
        accept = " ".join(f"--lose {quote(lost.table)}" for lost in refused)
        raise Irreversible(
            f"a rollback would lose what was written to {shown_side(new)!r} since the cutover, where nothing leads "
            f"back: {', '.join(map(told_loss, refused))}",
            hint=f"accept that by name: {accept}; what is in the old "
            f"database there is as it was at the cutover. Why: {'; '.join(way.not_reversible)}",
        )
    return tuple(found)


async def _is_empty(ctx: Context, new: Target, table: CapturedTable) -> bool:
    import asyncpg

    async with ctx.connect(new) as connection:
        try:
            return not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table.sql})")
        except asyncpg.InsufficientPrivilegeError:
            return False


def told_loss(lost: LostTable) -> str:
    """For people."""
    if lost.changes is None:
        return f"an unknown number of changes of {lost.table}"
    return f"{lost.changes} change{'' if lost.changes == 1 else 's'} of {lost.table}"


async def check_keys(ctx: Context, way: Way, losses: Sequence[LostTable]) -> None:
    """Raise ``Irreversible`` where rows that came back refer to such as are lost: no foreign key would take them."""
    if all(lost.changes == 0 for lost in losses):
        return
    found = [
        f"{rows} row{'' if rows == 1 else 's'} of {record.label} without a row of {record.parent} ({record.name})"
        for record, rows in await dangling_rows(ctx, way.job)
    ]
    if found:
        raise Irreversible(
            f"what would be lost is referred to by rows that would not: {'; '.join(found)}",
            hint=f"delete these rows in {shown_side(way.live)!r}, or have them refer to others, and try again; rows of "
            "a table that stays as it was have to find there what they refer to",
        )


async def copy_anew(
    ctx: Context, session: Connection, way: Way, losses: Sequence[LostTable], may_lose: frozenset[str]
) -> None:
    """Have tables whose changes are lost copied whole when the new database follows again.

    ``session`` is of the new database, in the transaction of the decision.
    """
    lost = {each.table for each in losses if each.changes != 0}
    lost |= {table.label for table in way.stranding() if table.label in may_lose}
    tables = way.back.tables if way.back is not None else ()
    if parts := [part.number for table in tables if table.label in lost for part in table.parts]:
        await follow_state_of(ctx).copy_anew(session, way.run_id, parts)
