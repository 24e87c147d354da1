"""What a row of the map may not be, as SQL: one question for each constraint that the old database does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.quoting import quote_ident, quote_literal
from confiture_schema_to_schema.checking.asking import MAPPED
from confiture_schema_to_schema.checking.proofs import columns_of, numeric_limit

if TYPE_CHECKING:
    from confiture_schema_to_schema.checking.proofs import Proofs
    from confiture_schema_to_schema.values import Column, ForeignKey, TargetTable

__all__ = ["Question", "present", "questions_of"]

_MEND = "mend these rows on the old database, or have the map do it (transform, filter)"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """``condition`` is true of a row that the new table would not take; ``what`` says so: "10 rows of 'x' <what>".

    ``columns``: those that it needs and that the map does not give: then it cannot be asked.
    """

    check: str
    what: str
    condition: str
    name: str
    hint: str = _MEND
    columns: tuple[str, ...] = ()


def questions_of(table: TargetTable, proofs: Proofs) -> list[Question]:
    """Of each row by itself: NOT NULL, lengths, labels, CHECK constraints with those of domains."""
    found = []
    for name in table.columns:
        column = table.table.column(name)
        if column is not None and not column.generated:
            found += _of_column(table, column, proofs)
    filled = frozenset(table.columns)
    for check in table.table.checks:
        used = columns_of(check.expression)
        # Of columns that nothing fills it speaks of their defaults, which are the new schema's own.
        if not used & filled or proofs.checked(table, check):
            continue
        found.append(
            Question(
                check="check",
                what=f"violate the constraint {check.name!r}",
                condition=f"({check.expression}) IS FALSE",
                name=check.name,
                columns=tuple(sorted(used - filled)),
            )
        )
    return found


def _of_column(table: TargetTable, column: Column, proofs: Proofs) -> list[Question]:
    name, found = column.name, []
    value = f"{MAPPED}.{quote_ident(name)}"
    if column.not_null and not proofs.never_null(table, name):
        hint = f"give it a value in the map (a transform such as coalesce({quote_ident(name)}, ...)), or mend the rows"
        what = f"have no {name!r}, which is NOT NULL"
        found.append(Question(check="not-null", what=what, condition=f"{value} IS NULL", name=name, hint=hint))
    if column.max_length is not None and not proofs.fits(table, column):
        # Spaces that are too many are cut off, as SQL wants it.
        found.append(
            Question(
                check="length",
                what=f"are too long for {name!r} ({column.type})",
                condition=f"pg_catalog.char_length(pg_catalog.rtrim({value}::text, ' ')) > {column.max_length}",
                name=name,
            )
        )
    limit = numeric_limit(column)
    if limit is not None and not proofs.fits(table, column):
        precision, scale = limit
        number = f"pg_catalog.abs(pg_catalog.round({value}::numeric, {scale}))"
        found.append(
            Question(
                check="length",
                what=f"are too large for {name!r} ({column.type})",
                condition=f"({value}::numeric <> 'NaN' AND {number} >= 1e{precision - scale}::numeric)",
                name=name,
            )
        )
    if column.kind == "e" and not proofs.labelled(table, column):
        labels = ", ".join(map(quote_literal, column.labels))
        found.append(
            Question(
                check="label",
                what=f"have a {name!r} that is no label of {column.type}",
                condition=f"{value}::text <> ALL (ARRAY[{labels}]::text[])",
                name=name,
            )
        )
    return found


def present(key: ForeignKey, alias: str) -> str:
    """Whether a row has a parent to look for. MATCH FULL: one that is NULL in part has none, and may not be so."""
    columns = [f"{alias}.{quote_ident(column)} IS NOT NULL" for column in key.columns]
    return f"({(' OR ' if key.full else ' AND ').join(columns)})"
