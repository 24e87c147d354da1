"""Defaults of columns of tables and views: objects of their own, since they need what their column does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, sql
from confiture_catalog.differ.objects.inheritance import joins
from confiture_catalog.differ.world import Side, World

__all__ = ["DefaultHandler"]


class DefaultHandler(Handler):
    """SET and DROP DEFAULT."""

    kinds = ("default",)
    rank = 36

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """SET DEFAULT, save where a new child of a table takes its parent's over."""
        column = world.new.get(_column(new))
        made_by_parent = column is not None and world.is_fresh(column.key) and not joins(column, world)
        if made_by_parent and _as_in_parent(new, world.new):
            return ()
        return (sql(f"{_alter(new, world.new)} SET DEFAULT {new.properties['expression']}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP DEFAULT."""
        return (sql(f"{_alter(old, world.old)} DROP DEFAULT"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """SET DEFAULT replaces the one that is there."""
        if old.properties["expression"] == new.properties["expression"]:
            return ()
        return [sql(f"{_alter(new, world.new)} SET DEFAULT {new.properties['expression']}")]

    def folds_into(self, new: SchemaObject, world: World) -> ObjectKey | None:
        """Its column, so that a new column's rows have it; a typed table's has no place for it there."""
        table = world.new.get(new.parent)
        if table is None or table.kind not in ("table", "foreign table") or table.properties.get("of_type"):
            return None
        column = world.new.get(_column(new))
        if column is None or joins(column, world):
            return _column(new)
        inherited = column.properties.get("inherited") and not column.properties.get("local")
        return None if inherited else _column(new)

    def goes_with(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """The column, and its table."""
        return (_column(old), *super().goes_with(old, world))

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """The default of the parents' columns, which children take over."""
        if op is Op.DROP:
            return ()
        return [Ref(each, key) for key in _parents(subject, world.new, "default") for each in (Op.CREATE, Op.ALTER)]


def _column(default: SchemaObject) -> ObjectKey:
    return ObjectKey("column", default.identity)


def _name(default: SchemaObject) -> str:
    assert default.parent is not None
    return default.identity[len(default.parent.identity) + 1 :]


def _alter(default: SchemaObject, side: Side) -> str:
    """ONLY: children of the table have defaults of their own, and are compared by themselves."""
    assert default.parent is not None
    words = {"table": "TABLE ONLY", "foreign table": "FOREIGN TABLE", "view": "VIEW"}
    return f"ALTER {words[default.parent.kind]} {default.parent.identity} ALTER COLUMN {_name(default)}"


def _parents(default: SchemaObject, side: Side, kind: str) -> list[ObjectKey]:
    table = side.get(default.parent)
    if table is None:
        return []
    inherits = table.properties.get("inherits") or ()
    names = [*(inherits if isinstance(inherits, tuple) else ()), table.properties.get("partition_of")]
    return [ObjectKey(kind, f"{name}.{_name(default)}") for name in names if name]


def _as_in_parent(default: SchemaObject, side: Side) -> bool:
    column = side.get(_column(default))
    if column is None or not column.properties.get("inherited") or column.properties.get("local"):
        return False
    parents = [side.get(key) for key in _parents(default, side, "default")]
    return any(
        each is not None and each.properties["expression"] == default.properties["expression"] for each in parents
    )
