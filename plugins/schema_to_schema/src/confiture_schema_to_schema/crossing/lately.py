"""The rows that a crossing itself has brought over, compared while nobody writes: however large their table is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.quoting import quote_ident
from confiture.transfer import set_local
from confiture_schema_to_schema.following.statements import KEYS, statements_of
from confiture_schema_to_schema.following.touched import as_json
from confiture_schema_to_schema.validating.both import both_sides
from confiture_schema_to_schema.validating.comparing import differing_keys
from confiture_schema_to_schema.validating.hashing import choose_hashing
from confiture_schema_to_schema.validating.tables import compared_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.protocols import Context
    from confiture_schema_to_schema.crossing.ways import Way
    from confiture_schema_to_schema.following.statements import Statements
    from confiture_schema_to_schema.values import TargetTable

__all__ = ["compare_lately"]


async def compare_lately(ctx: Context, way: Way, tables: Sequence[TargetTable]) -> tuple[int, dict[str, int]]:
    """Of how many keys rows were compared, and by label how many of these tables' rows differ."""
    compared_keys, found = 0, dict[str, int]()
    parts = {each.followed.part.number: each for each in statements_of(way.job, way.watch)}
    if not any(way.recent.of(number)[0] for number in parts):
        return 0, found
    async with both_sides(ctx, way.job.sides) as both:
        hashing = await choose_hashing(both.source, both.target)
        for table in tables:
            for part in table.parts:
                statements, (keys, identities) = parts[part.number], way.recent.of(part.number)
                # Rows of several parts that nothing tells apart cannot be found by one of them.
                if (
                    not keys
                    or statements.followed.full_refresh
                    or (len(table.parts) > 1 and not statements.followed.apart)
                ):
                    continue
                compared, reason = compared_of(_of_keys(table, statements), hashing)
                if reason is not None:
                    continue
                await set_local(both.source, {KEYS: as_json(keys)})
                await set_local(both.target, {KEYS: as_json(identities)})
                differing = differing_keys(compared, *await both.fetch(compared.listed))
                compared_keys += len(keys)
                found[table.label] = found.get(table.label, 0) + sum(rows for _, rows in differing.values())
    return compared_keys, found


def _of_keys(table: TargetTable, statements: Statements) -> TargetTable:
    """``table`` as if its rows were those of one part's keys alone: of :data:`KEYS`, on either side."""
    followed = statements.followed
    columns = [statements.table.column(name) for name, _ in followed.identity]
    names = ", ".join(f"t.{quote_ident(column.name)}" for column in columns if column is not None)
    typed = ", ".join(f"(v ->> {n})::{column.base}" for n, column in enumerate(columns) if column is not None)
    conditions = [
        f"({names}) IN (SELECT {typed} FROM pg_catalog.jsonb_array_elements("
        f"pg_catalog.current_setting('{KEYS}')::pg_catalog.jsonb) AS e(v))",
        *(f"t.{quote_ident(name)} = {sql}" for name, sql in followed.apart),
        *([f"({followed.part.within})"] if followed.part.within is not None else []),
    ]
    part = msgspec.structs.replace(followed.part, query=statements.reread, within=" AND ".join(conditions))
    return msgspec.structs.replace(table, parts=(part,))
