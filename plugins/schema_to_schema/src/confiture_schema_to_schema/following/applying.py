"""A batch in one transaction of the target: what was touched goes, what was read again comes, the state says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from confiture.transfer import set_local
from confiture_schema_to_schema.following.statements import CAME, KEPT, KEYS
from confiture_schema_to_schema.following.streaming import stream
from confiture_schema_to_schema.following.touched import Work, as_json

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["MARK", "apply"]

#: Set in a transaction that brings changes: to the run's id. What keeps others from writing lets it pass by that.
MARK: Final = "confiture.follows"


async def apply(source: Connection, target: Connection, works: Sequence[Work]) -> int:
    """All deletes come before all inserts, so that no unique value is there twice. How many rows came."""
    for work in works:  # of all parts, before one of them takes out what another one knows
        if work.statements.followed.upsert:
            await _keep(target, work)
    for work in works:
        if work.whole:
            await target.execute(work.statements.delete_every if work.alone else work.statements.delete_all)
        elif work.identities:
            await target.execute(work.statements.delete, as_json(work.identities))
    rows = 0
    for work in works:
        statements, part = work.statements, work.statements.followed.part
        query = part.query
        if not work.whole:
            await set_local(source, {KEYS: as_json(work.keys)})
            query = statements.reread
        if statements.followed.upsert:
            rows += await _upsert(source, query, target, work)
        else:
            table = statements.table
            rows += await stream(source, query, target, table.schema, table.name, part.columns)
    return rows


async def _keep(target: Connection, work: Work) -> None:
    statements, number = work.statements, work.statements.followed.part.number
    sql = f"CREATE TEMPORARY TABLE {KEPT}_{number} ON COMMIT DROP AS "
    if work.whole:
        await target.execute(sql + statements.keep_all)
        return
    # A statement that defines a table takes no bind values.
    await set_local(target, {KEYS: as_json(work.identities)})
    await target.execute(sql + statements.keep)


async def _upsert(source: Connection, query: str, target: Connection, work: Work) -> int:
    statements = work.statements
    came = f"{CAME}_{statements.followed.part.number}"
    await target.execute(f"CREATE TEMPORARY TABLE {came} ON COMMIT DROP AS {statements.form}")
    rows = await stream(source, query, target, None, came, statements.followed.part.columns)
    if work.whole and statements.followed.part.within is not None:
        await target.execute(statements.clear)
    await target.execute(statements.put_back)
    await target.execute(statements.add)
    return rows
