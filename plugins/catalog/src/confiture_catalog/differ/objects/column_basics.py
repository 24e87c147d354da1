"""What a column is of, and how statements name it."""

from __future__ import annotations

from confiture.model import ObjectKey, SchemaObject
from confiture_catalog.differ.world import Side, World

__all__ = ["alter_column", "alter_table", "follows_type", "in_parents", "name_of", "of_table", "own", "swapped"]

_TABLES = ("table", "foreign table")


def of_table(column: SchemaObject) -> bool:
    """Whether it is one of a table or a foreign table."""
    return column.parent is not None and column.parent.kind in _TABLES


def own(column: SchemaObject) -> bool:
    """Whether it is added and dropped by itself, and not by a parent's statement."""
    return of_table(column) and not (column.properties.get("inherited") and not column.properties.get("local"))


def follows_type(column: SchemaObject, world: World) -> bool:
    """Whether its table is one OF a type, which passes changes of its attributes on (CASCADE)."""
    tables = world.old.get(column.parent), world.new.get(column.parent)
    types = {table.properties.get("of_type") if table is not None else None for table in tables}
    of_type = types.pop()
    return bool(of_type) and not types and ObjectKey("composite type", str(of_type)) not in world.swapped


def name_of(part: SchemaObject) -> str:
    """The bare name of a part, as SQL text."""
    assert part.parent is not None
    return part.identity[len(part.parent.identity) + 1 :]


def alter_table(column: SchemaObject) -> str:
    """``ALTER TABLE`` and the name of its table."""
    assert column.parent is not None
    return f"ALTER {'FOREIGN ' if column.parent.kind == 'foreign table' else ''}TABLE {column.parent.identity}"


def alter_column(column: SchemaObject) -> str:
    """``ALTER TABLE ... ALTER COLUMN`` and its name."""
    return f"{alter_table(column)} ALTER COLUMN {name_of(column)}"


def in_parents(column: SchemaObject, side: Side) -> list[ObjectKey]:
    """The column of that name in each parent of its table."""
    table = side.get(column.parent)
    if table is None:
        return []
    inherits = table.properties.get("inherits") or ()
    names = [*(inherits if isinstance(inherits, tuple) else ()), table.properties.get("partition_of")]
    return [ObjectKey("column", f"{name}.{name_of(column)}") for name in names if name]


def swapped(column: SchemaObject, world: World, *, but: str = "") -> bool:
    """Whether a type that it needs is made anew beside the old one."""
    return any(need in world.swapped and need.kind != but for need in column.needs)
