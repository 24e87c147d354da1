"""Foreign keys to tables that are not copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.checking.asking import MAPPED, mapped, why
from confiture_schema_to_schema.checking.conditions import present
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import ForeignKey, Job, TargetTable

__all__ = ["check_parents"]


async def check_parents(ctx: Context, job: Job, source: Connection, target: Connection) -> list[Finding]:
    """Those whose parents are not there, while rows have one. Whether parents that are there are the right ones is
    found when the key is put back: they are on the target, and the rows are not."""  # noqa: D205, D209
    selected = {table.label for table in job.tables}
    outside = [
        (table, key)
        for table in job.tables
        for key in table.table.foreign_keys
        if key.parent not in selected and key.parent in job.new.tables and set(key.columns) <= set(table.columns)
    ]
    empty: dict[str, bool] = {}
    for _, key in outside:
        if key.parent not in empty:
            parent = job.new.tables[key.parent]
            only = "" if parent.partitioned else "ONLY "
            empty[key.parent] = not await target.fetchval(f"SELECT EXISTS (SELECT FROM {only}{parent.sql})")
    found = []
    for table, key in outside:
        if not empty[key.parent]:
            found.append(_note(table, key, f"the rows of {key.parent!r} are on the new database only"))
        else:
            found += await _orphaned(ctx, source, table, key)
    return found


async def _orphaned(ctx: Context, source: Connection, table: TargetTable, key: ForeignKey) -> list[Finding]:
    import asyncpg

    try:
        async with ctx.transaction(source):  # a savepoint
            if not await source.fetchval(f"SELECT EXISTS (SELECT FROM {mapped(table)} WHERE {present(key, MAPPED)})"):
                return []
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        raise
    except asyncpg.PostgresError as error:
        return [_note(table, key, why(error))]
    return [
        Finding(
            level="error",
            check="foreign-key",
            table=table.label,
            message=f"{key.parent!r} is not copied and is empty, and the foreign key {key.name!r} of {table.label!r} "
            "leads to it",
            hint=f"copy it too (--tables ...,{key.parent}), have the map fill it, or fill it by hand before",
        )
    ]


def _note(table: TargetTable, key: ForeignKey, because: str) -> Finding:
    return Finding(
        level="note",
        check="foreign-key",
        table=table.label,
        message=f"the foreign key {key.name!r} of {table.label!r} could not be looked at beforehand: {because}",
    )
