"""Old tables that the map drops: a cutover closes them for writes with all others, where the role may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from confiture_schema_to_schema.compiling.naming import find_table
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Job

__all__ = ["Left", "check_left", "read_left", "read_owned"]

_OWNED = """
SELECT t.sql FROM unnest($1::text[]) AS t(sql) JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.sql)
 WHERE c.relkind IN ('r', 'p') AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
"""
#: So many are named.
_NAMED: Final = 5


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """By label, in SQL: ``owned``, which a cutover closes for writes, and ``others``, which it cannot."""

    owned: dict[str, str]
    others: dict[str, str]


async def read_left(job: Job, source: Connection) -> Left:
    """The tables below ``drop`` in the map."""
    found = (find_table(job.old, name) for name in job.map.drop)
    tables = {table.label: table.sql for table in found if table is not None}
    owned = await read_owned(source, tables)
    return Left(owned=owned, others={label: sql for label, sql in tables.items() if label not in owned})


async def read_owned(connection: Connection, tables: Mapping[str, str]) -> dict[str, str]:
    """Those of ``tables``, by label in SQL, that the role may close for writes."""
    owned = {row["sql"] for row in await connection.fetch(_OWNED, list(tables.values()))}
    return {label: sql for label, sql in tables.items() if sql in owned}


async def check_left(ctx: Context, job: Job, source: Connection) -> list[Finding]:
    """What becomes of them at a cutover. Nothing where no changes are captured: there is none then."""
    if not job.map.drop or ctx.settings(SECTION, SchemaToSchemaConfig).capture == "none":
        return []
    left = await read_left(job, source)
    found = []
    if left.owned:
        found.append(
            Finding(
                level="note",
                check="capture",
                table="",
                message=f"nothing takes the rows of {_named(left.owned)}: a cutover closes them for writes too, so "
                "that whoever still writes there hears of it",
            )
        )
    if left.others:
        found.append(
            Finding(
                level="warning",
                check="capture",
                table="",
                message=f"nothing takes the rows of {_named(left.others)}, and a cutover cannot close them for "
                "writes, since the role does not own them: who writes there afterwards hears nothing",
                hint="connect to the old database as their owner, or see that nobody writes to them",
            )
        )
    return found


def _named(tables: dict[str, str]) -> str:
    more = f" and {len(tables) - _NAMED} more" if len(tables) > _NAMED else ""
    return ", ".join(repr(label) for label in list(tables)[:_NAMED]) + more
