"""Whether the source's tables are as they were when the migration began, and when its map was compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.errors import Refused
from confiture.sides import shown_side
from confiture.transfer import read_identity, reading
from confiture_schema_to_schema.capturing import changed_tables
from confiture_schema_to_schema.cataloguing import read_catalog

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.values import Job

__all__ = ["refuse_changed_since", "refuse_changed_source"]


async def refuse_changed_source(ctx: Context, job: Job, *, captured: bool) -> None:
    """Raise ``Refused`` naming the tables that have other columns, types or keys by now.

    A column that was added is in none of the queries. ``captured``: partitions may come and go.
    """
    own = ctx.settings("migrations", MigrationsConfig).schema
    async with reading(ctx, job.sides.source) as connection:
        now = await read_catalog(connection, own_schema=own)
    parts = [plan.part for plan in job.plans]
    before = {label: job.old.fingerprints.get(label, "") for part in parts for label in (part.source, *part.lookups)}
    changed = changed_tables(before, now.fingerprints, parts, captured=captured)
    if changed:
        raise Refused(
            f"tables of {shown_side(job.sides.source)!r} have changed during the copy: {', '.join(changed)}",
            hint="what is in the new database need not be what the map gives of them: take the change back and go on "
            "(`confiture migrate schema-to-schema resume`), or drop that database, and begin anew",
        )


async def refuse_changed_since(
    ctx: Context, job: Job, source: str, fingerprints: Mapping[str, str], *, captured: bool
) -> None:
    """The same of what has changed since a run began, which has recorded the identity and fingerprints."""
    target = shown_side(job.sides.target)
    async with reading(ctx, job.sides.source) as connection:
        if await read_identity(connection) != source:
            raise Refused(
                f"the migration into {target!r} was begun from another database than {shown_side(job.sides.source)!r}",
                hint="name the one that it was begun from with --from, or drop that database, and begin anew",
            )
    parts = [part for table in job.tables for part in table.parts]
    changed = changed_tables(fingerprints, job.old.fingerprints, parts, captured=captured)
    if changed:
        raise Refused(
            f"tables of {shown_side(job.sides.source)!r} have changed since the migration into {target!r} was begun: "
            f"{', '.join(changed)}",
            hint="take the change back, or drop that database, and begin anew",
        )
