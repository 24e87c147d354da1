"""The target's tables take what is to come: they are empty, or it was said what becomes of their rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from confiture.config.project import MigrationsConfig
from confiture.errors import PermissionMissing, Refused, UsageError
from confiture.loading import Part, altering, read_parts
from confiture_sync.copying.state import state_of
from confiture_sync.load.recording import sync_records
from confiture_sync.load.staging import read_equals
from confiture_sync.load.taking import refuse_unfinished
from confiture_sync.values import Job, TablePlan

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["check_target"]

#: Rows of a table that holds some are counted up to there.
_COUNTED = 10_000
# Of tables that are not copied. Keys of partitions are their root's.
_OUTSIDE = """
SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'p' AS partitioned,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
       f.relname::text AS parent, fn.nspname::text AS parent_schema
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
  JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY($1::oid[]) AND k.conrelid <> ALL($1::oid[])
 ORDER BY 1, 2
"""
_HIDDEN = "SELECT t.oid FROM pg_catalog.unnest($1::oid[]) AS t(oid) WHERE pg_catalog.row_security_active(t.oid)"


async def check_target(ctx: Context, job: Job, plans: Sequence[TablePlan]) -> None:
    """Raises ``Refused`` for tables that hold rows, and for what stands in the way of taking them out.

    Also for a run into this target that was not finished (unless this one goes on with it), for tables that are no
    tables of their own, and ``PermissionMissing`` for those that this role may not alter.
    """
    request = job.request
    if request.truncate and request.upsert:
        raise UsageError("--truncate and --upsert exclude each other", hint="choose what becomes of the target's rows")
    records = sync_records(ctx.settings("migrations", MigrationsConfig).schema)
    async with ctx.connect(job.target) as connection:
        begun = await records.read(connection) or await state_of(ctx).unfinished(connection) is not None
        if begun and not request.resume:
            raise refuse_unfinished(job.target)
        parts = await read_parts(connection, [plan.target.sql for plan in plans])
        roots = [part for part in parts if part.oid == part.root]
        _check_kinds(parts)
        outside = await connection.fetch(_OUTSIDE, [part.oid for part in parts])
        _check_owners(parts, outside)
        if request.upsert:
            for plan in plans:
                await read_equals(connection, plan)
        elif request.truncate and not request.resume:
            await _check_outside(connection, outside)
        elif not request.resume:
            async with _uncovered(ctx, job, connection, roots):
                await _check_empty(connection, roots)


def _check_kinds(parts: Sequence[Part]) -> None:
    for part in parts:
        if part.oid == part.root and part.kind not in ("r", "p"):
            raise Refused(f"{part.label!r} of the target is not a table", hint="leave it out (--exclude)")
        if part.oid == part.root and part.partition:
            raise Refused(
                f"{part.label!r} of the target is a partition, and a table of its own in the source",
                hint="bring the target's schema up to date, or leave it out (--exclude)",
            )
        if part.kind == "f":
            raise Refused(
                f"the partition {part.label!r} of the target is a foreign table: rows would go to another server",
                hint="leave its table out (--exclude)",
            )


def _check_owners(parts: Sequence[Part], outside: Sequence[Any]) -> None:
    missing = [part.label for part in parts if not part.owned]
    missing += [f"{row['schema']}.{row['name']}" for row in outside if not row["owned"]]
    if missing:
        raise PermissionMissing(
            f"the role does not own {', '.join(map(repr, sorted(set(missing))))}, whose foreign keys and triggers are "
            "in the way",
            hint="connect to the target as the role that owns its tables, or be granted membership in it",
        )


async def _check_outside(connection: Connection, outside: Sequence[Any]) -> None:
    for row in outside:
        table = Part(
            oid=0, root=0, schema=row["schema"], name=row["name"], kind="p" if row["partitioned"] else "r",
            partition=False, forced=False, owned=True, tuples=0,
        )  # fmt: skip
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table.only})"):
            raise Refused(
                f"{table.label!r} is not copied, holds rows, and references {row['parent_schema']}.{row['parent']}, "
                "which would be emptied",
                hint="copy it too, empty it yourself, or use --upsert",
            )


async def _check_empty(connection: Connection, roots: Sequence[Part]) -> None:
    if not roots:
        return
    exists = ", ".join(f"EXISTS (SELECT FROM {part.only})" for part in roots)
    held = await connection.fetchval(f"SELECT ARRAY[{exists}]")
    filled = [part for part, rows in zip(roots, held, strict=True) if rows]
    if not filled:
        return
    told = [f"{part.label} ({await _count(connection, part)})" for part in filled]
    raise Refused(
        f"the target's tables hold rows: {', '.join(told)}",
        hint="--truncate takes them out, --upsert replaces those of the same primary key",
    )


async def _count(connection: Connection, part: Part) -> str:
    limited = f"SELECT FROM {part.only} LIMIT {_COUNTED + 1}"
    rows: int = await connection.fetchval(f"SELECT count(*) FROM ({limited}) AS t")
    if rows <= _COUNTED:
        return f"{rows} row{'' if rows == 1 else 's'}"
    return f"about {part.tuples:.0f} rows" if part.tuples > _COUNTED else f"over {_COUNTED} rows"


class _Back(Exception):
    """Takes a transaction back."""


@asynccontextmanager
async def _uncovered(ctx: Context, job: Job, connection: Connection, roots: Sequence[Part]) -> AsyncIterator[None]:
    """Have the owner see all rows, also where row-level security is forced on it; nothing of that stays."""
    hidden = {row["oid"] for row in await connection.fetch(_HIDDEN, [part.oid for part in roots])}
    if not hidden:
        yield
        return
    try:
        async with altering(ctx, job.target, connection) as watched:
            watched += hidden
            for part in roots:
                if part.oid in hidden:
                    await connection.execute(f"ALTER TABLE {part.sql} NO FORCE ROW LEVEL SECURITY")
            yield
            raise _Back
    except _Back:
        pass
