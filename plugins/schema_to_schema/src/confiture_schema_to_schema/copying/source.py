"""Whether the source's tables are as they were when the map was compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.errors import Refused
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture_schema_to_schema.cataloguing import only_added, read_catalog

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.values import Job

__all__ = ["refuse_changed_source"]


async def refuse_changed_source(ctx: Context, job: Job) -> None:
    """Raise ``Refused`` naming the tables that have other columns, types, keys or partitions by now.

    A column that was added is in none of the queries.
    """
    own = ctx.settings("migrations", MigrationsConfig).schema
    async with reading(ctx, job.sides.source) as connection:
        now = await read_catalog(connection, own_schema=own)
    read = {label for plan in job.plans for label in (plan.part.source, *plan.part.lookups)}
    changed = sorted(
        label
        for label in read
        if (found := now.fingerprints.get(label, "")) != (before := job.old.fingerprints.get(label, ""))
        and not only_added(before, found)
    )
    if changed:
        raise Refused(
            f"tables of {shown_side(job.sides.source)!r} have changed during the copy: {', '.join(changed)}",
            hint="what is in the new database need not be what the map gives of them: take the change back and go on "
            "(`confiture migrate schema-to-schema resume`), or drop that database, and begin anew",
        )
