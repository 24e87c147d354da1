"""Rows of the new database that are rows of nothing in the old one, though their table has a way back.

A kind that no old table has, or a part of a row whose other part is not there: a rollback would leave them behind.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.errors import Irreversible
from confiture.sides import shown_side
from confiture_schema_to_schema.following import catch_up
from confiture_schema_to_schema.validating.comparing import MOST_SUSPECTS
from confiture_schema_to_schema.validating.tables import validate_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from confiture.protocols import Context
    from confiture_schema_to_schema.crossing.ways import Way
    from confiture_schema_to_schema.values import Job, TargetTable

__all__ = ["check_stranded", "find_stranded", "refuse_stranded"]

#: What is written meanwhile is there a round later.
_ROUNDS: Final = 3
#: So many keys of a table are named.
_NAMED: Final = 3


async def check_stranded(ctx: Context, way: Way, epoch: int, may_lose: frozenset[str]) -> None:
    """While applications write. Raises ``Irreversible`` for rows of tables that are not in ``may_lose``."""
    tables = [table for table in way.stranding() if table.label not in may_lose]
    before: dict[str, AbstractSet[str]] | None = None
    for _ in range(_ROUNDS):
        if not tables or way.back is None:
            return
        await catch_up(ctx, way.job, way.watch, epoch, recent=way.recent)
        found = await find_stranded(ctx, way.back, tables)
        before = found if before is None else {label: keys & before[label] for label, keys in found.items()}
        tables = [table for table in tables if before[table.label]]
    refuse_stranded(way, before or {})


def refuse_stranded(way: Way, found: Mapping[str, AbstractSet[str]]) -> None:
    """Raise ``Irreversible`` where there are some, with tables, numbers and some of the keys."""
    told = [
        f"{len(keys)} row{'' if len(keys) == 1 else 's'} of {label} "
        f"({', '.join(sorted(keys, key=lambda key: (len(key), key))[:_NAMED])}{', ...' if len(keys) > _NAMED else ''})"
        for label, keys in sorted(found.items())
        if keys
    ]
    if told:
        raise Irreversible(
            f"rows of {shown_side(way.live)!r} are rows of no table of {shown_side(way.other)!r}: {'; '.join(told)}",
            hint="a rollback would lose them: change or delete them, or accept that by name: "
            f"{' '.join(f'--lose {quote(label)}' for label in sorted(found) if found[label])}",
        )


async def find_stranded(ctx: Context, job: Job, tables: Sequence[TargetTable]) -> dict[str, AbstractSet[str]]:
    """By label of these tables of the new database, keys that the map gives of no old row. ``job`` is the way there."""
    job = msgspec.structs.replace(job, tables=tuple(tables))
    found = await validate_tables(ctx, job, keys_only=True, max_keys=MOST_SUSPECTS, pauses_s=())
    return {table.table: {each.key for each in table.mismatches if each.how == "unexpected"} for table in found}
