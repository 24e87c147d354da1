"""The tables of the new database: whether they can take rows, and how these are copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.loading import Phase, read_parts
from confiture_schema_to_schema.creating import records_of
from confiture_schema_to_schema.listing import listed
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Job

__all__ = ["check_keys", "check_occupied"]


def check_keys(job: Job) -> list[Finding]:
    """Parts that cannot be copied piece by piece."""
    return [
        Finding(
            level="warning",
            check="key",
            table=part.target,
            message=f"{part.label!r} is copied from one snapshot, which is held as long as that takes: "
            + (part.whole or f"{part.source!r} has no key"),
            hint="a long snapshot holds back VACUUM on the old database; a unique index over NOT NULL columns, or a "
            "map that keeps the key, lets it be copied in chunks",
        )
        for table in job.tables
        for part in table.parts
        if not part.key
    ]


async def check_occupied(ctx: Context, job: Job, target: Connection) -> list[Finding]:
    """Tables that hold rows, unless the migration itself has brought them."""
    records = await records_of(ctx).read(target)
    if any(record.phase is Phase.RUN and record.run == job.run_id for record in records):
        return []
    parts = await read_parts(target, [table.table.sql for table in job.tables])
    roots = [part for part in parts if part.oid == part.root and part.kind in ("r", "p")]
    hidden = {part.oid for part in roots if part.forced}
    visible = [part for part in roots if part.oid not in hidden]
    found = [
        Finding(
            level="warning",
            check="occupied",
            table=part.label,
            message=f"row-level security is forced on {part.label!r}: whether it holds rows cannot be seen",
            hint="it has to be empty",
        )
        for part in roots
        if part.oid in hidden
    ]
    if not visible:
        return found
    exists = ", ".join(f"EXISTS (SELECT FROM {part.only})" for part in visible)
    held = await target.fetchval(f"SELECT ARRAY[{exists}]")
    occupied = [part.label for part, rows in zip(visible, held, strict=True) if rows]
    return [*found, _occupied(occupied)] if occupied else found


def _occupied(labels: Sequence[str]) -> Finding:
    one = len(labels) == 1
    return Finding(
        level="error",
        check="occupied",
        table=labels[0] if one else "",
        message=f"{listed(labels)} of the new database {'holds' if one else 'hold'} rows",
        hint=f"empty {'it' if one else 'them'}, drop the new database so that it is made anew, or leave the "
        f"table{'' if one else 's'} out (--tables)",
    )
