"""What a plan says of the way back, before anybody needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture_schema_to_schema.compiling.describing import NotDescribed, describe
from confiture_schema_to_schema.compiling.naming import Findings
from confiture_schema_to_schema.reversing.job import reverse_tables

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.model import Finding
    from confiture_schema_to_schema.values import Catalog, MigrationMap, TargetTable

__all__ = ["with_the_way_back"]


async def with_the_way_back(
    target: Connection, old: Catalog, new: Catalog, tables: Sequence[TargetTable], map_: MigrationMap
) -> tuple[tuple[TargetTable, ...], tuple[Finding, ...]]:
    """``tables`` with ``Part.irreversible``, and errors of ``reverse`` as ``target`` says them: there it will run."""
    back = reverse_tables(old, new, tables)
    findings = Findings(map_.shown)
    maps = {part.number: part.map for table in tables for part in table.parts}
    for part in (part for table in back.tables for part in table.parts):
        entry = maps[part.number]
        if entry is not None and any(each is not None and each.reverse for each in entry.columns.values()):
            try:
                await describe(target, part.query)
            except NotDescribed as error:
                message = f"the way back ('reverse'): {error.message}"
                findings.error("map", part.target, message, hint=error.hint, entry=entry)
    told = tuple(
        msgspec.structs.replace(
            table,
            parts=tuple(
                msgspec.structs.replace(part, irreversible=back.reasons.get(part.number, ())) for part in table.parts
            ),
        )
        for table in tables
    )
    return told, findings.all()
