"""The capture on the source: what is in its way, its beginning, and whether it still tells everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.errors import CaptureBroken, Refused
from confiture.hooks import CAPTURE
from confiture.model import Note
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture_schema_to_schema.capturing.changing import changed_tables
from confiture_schema_to_schema.capturing.explaining import explained
from confiture_schema_to_schema.capturing.nothing import capture_of
from confiture_schema_to_schema.cataloguing import read_catalog
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.model import CapturedTable, Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.capturing.values import Watch
    from confiture_schema_to_schema.values import Job

__all__ = ["LOCK", "check_way_back", "install", "preflight", "verify"]


#: The check of findings that say what installing a capture locks: they are for a plan.
LOCK = "lock"


async def preflight(ctx: Context, job: Job, watch: Watch) -> tuple[Finding, ...]:
    """What the capture says beforehand. Nothing is changed."""
    found = await ctx.get(CAPTURE, watch.capture).preflight(ctx, job.sides.source, watch.tables)
    return tuple(
        Finding(
            level="note" if each.level == "lock" else each.level,
            check=LOCK if each.level == "lock" else "capture",
            table=each.table,
            message=each.message,
            hint=each.hint,
        )
        for each in found
    )


async def check_way_back(ctx: Context, capture: str, side: Target, tables: Sequence[CapturedTable] = ()) -> None:
    """Raise ``Refused`` where ``side``, which comes to be the live one, could not be captured: it may be of another
    server, with other settings and rights. Without ``tables``, what concerns all of them."""  # noqa: D205, D209
    findings = await ctx.get(CAPTURE, capture).preflight(ctx, side, tables)
    found = [each for each in findings if each.level == "error"]
    if found:
        told = [f"{each.table}: {each.message}" if each.table else each.message for each in found]
        hints = dict.fromkeys(each.hint for each in found if each.hint)
        raise Refused(
            f"what is written to {shown_side(side)!r} after a cutover could not be captured for the way back: "
            f"{'; '.join(told)}",
            hint="; ".join(hints) or None,
        )


async def install(ctx: Context, job: Job, watch: Watch) -> None:
    """Before the first chunk is read."""
    await ctx.get(CAPTURE, watch.capture).install(ctx, job.sides.source, watch.name, watch.tables)


async def verify(ctx: Context, job: Job, watch: Watch, *, mend: bool = True) -> None:
    """Before each phase and before a cutover's locks: every trigger is there, and the tables are as they were.

    Raises ``CaptureBroken`` naming the table. An added column that the map does not take is no error; nor are
    partitions that came or went, where ``mend``: the capture is told of them. ``Busy`` naming who holds the table then.
    """
    capture = capture_of(ctx, watch)
    source = job.sides.source
    try:
        with explained(job, watch):
            await capture.verify(ctx, source, watch.name, watch.tables)
    except CaptureBroken as broken:
        if not (broken.partitions and mend):
            raise
        await capture.install(ctx, source, watch.name, watch.tables)
        with explained(job, watch):
            await capture.verify(ctx, source, watch.name, watch.tables)
        ctx.emit(Note(message=f"{broken.message}; what it has now is taken in"))
    await _verify_tables(ctx, job, watch)


async def _verify_tables(ctx: Context, job: Job, watch: Watch) -> None:
    own = ctx.settings("migrations", MigrationsConfig).schema
    async with reading(ctx, job.sides.source) as connection:
        now = (await read_catalog(connection, own_schema=own)).fingerprints
    before = {table.label: job.old.fingerprints.get(table.label, "") for table in watch.tables}
    changed = changed_tables(before, now, (followed.part for followed in watch.parts), captured=True)
    if changed:
        raise CaptureBroken(
            f"tables of {shown_side(job.sides.source)!r} have changed since the migration began: {', '.join(changed)}",
            hint="what is in the new database need not be what the map gives of them any more: take the change back, "
            "or drop the new database, and begin anew",
        )
