"""Which rows of the other side have yet to be brought over: those that differ are no mismatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.errors import CaptureBroken
from confiture.transfer import reading
from confiture_schema_to_schema.capturing import capture_of
from confiture_schema_to_schema.following.statements import statements_of
from confiture_schema_to_schema.following.touched import find_work

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from confiture.protocols import Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.validating.rechecking import Newer
    from confiture_schema_to_schema.values import Job

__all__ = ["newer_of"]


def newer_of(ctx: Context, job: Job, watch: Watch) -> Newer:
    """What is told of keys of a table (:data:`.rechecking.Newer`) by what ``watch`` captures on the source."""
    capture = capture_of(ctx, watch)
    statements = statements_of(job, watch)
    keys_of = {table.label: table.key for table in job.tables}

    async def newer(label: str, keys: Sequence[str]) -> AbstractSet[str]:
        async with reading(ctx, job.sides.source) as source:
            try:
                changes = await capture.poll(source, watch.name)
            except CaptureBroken:
                return set()  # nobody could bring it over: a row that differs does
            works, stale = await find_work(source, changes, statements, ())
        touched = set[tuple[str, ...]]()
        for work in works:
            followed = work.statements.followed
            if followed.part.target != label:
                continue
            columns = [column for column, _ in followed.identity]
            if work.whole or set(columns) != set(keys_of[label]):
                return set(keys)  # nobody can say which of them
            order = [columns.index(name) for name in keys_of[label]]
            touched |= {tuple(each[number] for number in order) for each in work.identities}
        if any(each.followed.part.number in stale for each in statements if each.followed.part.target == label):
            return set(keys)
        return {key for key in keys if tuple(msgspec.json.decode(key, type=list[str | None])) in touched}

    return newer
