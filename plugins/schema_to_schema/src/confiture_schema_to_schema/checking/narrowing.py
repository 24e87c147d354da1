"""Numbers that are too large for the new column: the query itself would fail of them, so the old column is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.quoting import quote_ident
from confiture_schema_to_schema.checking.conditions import Question
from confiture_schema_to_schema.compiling import with_condition

if TYPE_CHECKING:
    from confiture_schema_to_schema.checking.proofs import Proofs
    from confiture_schema_to_schema.values import TargetTable

__all__ = ["narrowed"]

_BITS = {"smallint": 16, "integer": 32, "bigint": 64}


def narrowed(table: TargetTable, proofs: Proofs) -> list[tuple[Question, str]]:
    """A question for each such column of each part, and the relation that it is asked of: just the rows in question."""
    found = []
    for part in table.parts:
        for name, traced in proofs.facts.traced[part.number].columns.items():
            column = table.table.column(name)
            origin = proofs.job.old.tables[part.source].column(traced.column)
            if column is None or origin is None or part.whole is not None or not traced.cast:
                continue
            if column.base not in _BITS or origin.category != "N":
                continue
            if _BITS.get(origin.base, 65) <= _BITS[column.base]:
                continue
            most = (1 << (_BITS[column.base] - 1)) - 1
            value = f"pg_catalog.round({part.alias}.{quote_ident(origin.name)}::numeric)"
            rows = with_condition(part, f"{value} NOT BETWEEN {-most - 1} AND {most}")
            columns = ", ".join(map(quote_ident, part.columns))
            question = Question(
                check="length", what=f"are too large for {name!r} ({column.type})", condition="true", name=name
            )
            found.append((question, f"(SELECT {columns} FROM (\n{rows}\n) AS p({columns}))"))
    return found
