"""Questions about the rows that the map gives: they run on the source, and no value comes back but keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.quoting import quote_ident

if TYPE_CHECKING:
    import asyncpg

    from confiture_schema_to_schema.values import TargetTable

__all__ = ["MAPPED", "key_of", "mapped", "why"]

#: The alias of the mapped rows, whose columns go by the new database's names.
MAPPED = "m"
#: Classes of SQLSTATE whose messages name objects and never hold a value: 42 access and names, 53 resources, 55 states.
_TELLING = ("42", "53", "55")


def mapped(table: TargetTable, alias: str = MAPPED) -> str:
    """What stands in a FROM: all rows that the map gives for the table."""
    columns = ", ".join(map(quote_ident, table.columns))
    parts = [
        f"SELECT {columns} FROM (\n{part.query}\n) AS p({', '.join(map(quote_ident, part.columns))})"
        for part in table.parts
    ]
    return f"({' UNION ALL '.join(parts)}) AS {alias}"


def key_of(table: TargetTable, alias: str = MAPPED) -> str | None:
    """A row's key as a JSON array of texts; None where the table has none, or it is not all copied."""
    if not table.key or not set(table.key) <= set(table.columns):
        return None
    values = ", ".join(f"{alias}.{quote_ident(column)}::text" for column in table.key)
    return f"pg_catalog.json_build_array({values})::text"


def why(error: asyncpg.PostgresError) -> str:
    """What the server said, where that holds no value of a row; else what kind of error it is."""
    state = error.sqlstate or ""
    return str(error.message) if state[:2] in _TELLING and error.message else f"{type(error).__name__} ({state})"
