"""Names of NOT NULL constraints that a change of the column's type would not leave as they are.

PostgreSQL 18 makes a column's NOT NULL anew when its type changes, and does so in all children under the parent's
name: a partition that was attached with a name of its own loses it, and a child with its own constraint makes the
statement fail (ATPostAlterTypeCleanup; 18.0 to 18.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.world import Side, World

__all__ = ["around_type_change", "is_in_the_way"]


def around_type_change(column: SchemaObject, world: World) -> tuple[Sequence[Statement], Sequence[Statement]]:
    """What goes before the change and what after it; nothing where all names stay."""
    others = _of_other_names(column, world)
    own = _not_null(column.parent, column, world.old)
    if not others or own is None:
        return (), ()
    name = bare(column)
    before = [_statement(own, f"DROP CONSTRAINT {bare(own)}")]
    before += [_statement(each, f"ALTER COLUMN {name} DROP NOT NULL") for each in others]
    after = [_statement(each, f"ADD CONSTRAINT {bare(each)} NOT NULL {name}") for each in (*reversed(others), own)]
    return before, after


def is_in_the_way(constraint: SchemaObject, column: SchemaObject, world: World) -> bool:
    """Whether it is a primary key, which holds those constraints, and they are to be dropped for a while."""
    if constraint.kind != "constraint" or constraint.properties["type"] != "primary key":
        return False
    lines = [column]
    for each in lines:
        if _of_other_names(each, world):
            return True
        table = world.old.get(each.parent)
        found = (world.old.find("column", f"{name}.{bare(column)}") for name in _parents(table))
        lines += [parent for parent in found if parent is not None]
    return False


def _of_other_names(column: SchemaObject, world: World) -> list[SchemaObject]:
    """The constraints of the children, those of a parent first."""
    own = _not_null(column.parent, column, world.old)
    if not world.named_not_null or own is None or own.key not in world.new.objects:
        return []
    found = (_not_null(table, column, world.old) for table in _descendants(column, world.old))
    others = [each for each in found if each is not None and bare(each) != bare(own) and each.key in world.new.objects]
    return [each for each in others if not _is_its_parents(each, column, world.old)]


def _statement(constraint: SchemaObject, what: str) -> Statement:
    assert constraint.parent is not None
    return sql(f"ALTER TABLE {constraint.parent.identity} {what}", undo="")


def _not_null(table: ObjectKey | None, column: SchemaObject, side: Side) -> SchemaObject | None:
    if table is None:
        return None
    for each in side.children(table, "constraint"):
        if each.properties["type"] == "not null" and each.properties.get("columns") == (bare(column),):
            return each
    return None


def _is_its_parents(constraint: SchemaObject, column: SchemaObject, side: Side) -> bool:
    """Whether it comes with its parent's, under the same name."""
    if not constraint.properties.get("inherited") or constraint.properties.get("local"):
        return False
    keys = [ObjectKey("table", name) for name in _parents(side.get(constraint.parent))]
    named = [each for each in (_not_null(key, column, side) for key in keys) if each is not None]
    return any(bare(each) == bare(constraint) for each in named)


def _descendants(column: SchemaObject, side: Side) -> list[ObjectKey]:
    """Partitions and children of its table, and theirs; a parent before its children."""
    keys = [column.parent] if column.parent is not None else []
    for key in keys:
        for each in side.dependents(key):
            if each.kind == "table" and key.identity in _parents(each) and each.key not in keys:
                keys.append(each.key)
    return keys[1:]


def _parents(table: SchemaObject | None) -> list[str]:
    if table is None:
        return []
    inherits = table.properties.get("inherits")
    names = inherits if isinstance(inherits, tuple) else (table.properties.get("partition_of"),)
    return [str(name) for name in names if name]
