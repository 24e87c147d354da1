"""How names are written in a map: as in SQL, quoted only where that is needed."""

from __future__ import annotations

from collections.abc import Sequence

from confiture.masking.rules import split_name
from confiture.quoting import quote_ident
from confiture_schema_to_schema.values import Catalog, Table

__all__ = ["column_name", "spellings", "table_name"]


def column_name(name: str) -> str:
    """A bare name as it is written."""
    plain = name.isascii() and name.replace("_", "a").replace("$", "a").isalnum() and not name[0].isdigit()
    return name if plain and split_name(name) == (name,) else quote_ident(name)


def table_name(table: Table, catalog: Catalog) -> str:
    """A table: with its schema where that is not the first of the database's search path."""
    first = catalog.search_path[:1] == (table.schema,)
    return ".".join(map(column_name, [table.name] if first else [table.schema, table.name]))


def spellings(table: Table, catalog: Catalog, column: str | None = None) -> Sequence[str]:
    """All ways in which a person may call a table, or a column of it."""
    parts = [table.schema, table.name]
    names = [table_name(table, catalog), table.label, ".".join(map(column_name, parts))]
    if column is None:
        return names
    return [f"{name}.{written}" for name in names for written in (column, column_name(column))]
