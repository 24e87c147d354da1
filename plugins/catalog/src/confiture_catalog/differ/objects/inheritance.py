"""Constraints, indexes and triggers that a parent table's statements make and take along."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.model import ObjectKey, SchemaObject
from confiture_catalog.differ.handler import Op, Ref
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.world import Side, World

__all__ = [
    "after", "comes_and_goes", "follows_parent", "goes_with_parent", "in_use", "made_by_parent", "only_inherited",
    "parents",
]  # fmt: skip


def only_inherited(found: SchemaObject) -> bool:
    """Whether it is there because a parent has it, and for no other reason."""
    return bool(found.properties.get("inherited")) and not found.properties.get("local")


def parents(found: SchemaObject, side: Side) -> list[str]:
    """The tables that its table is a partition or a child of."""
    table = side.get(found.parent)
    if table is None:
        return []
    inherits = table.properties.get("inherits")
    if isinstance(inherits, tuple):
        return [str(each) for each in inherits]
    return [str(table.properties["partition_of"])] if table.properties.get("partition_of") else []


def in_use(new: SchemaObject, world: World) -> bool:
    """Whether its table is an existing one that stays in use meanwhile."""
    return world.online and not world.is_fresh(new.parent)


def made_by_parent(new: SchemaObject, world: World) -> bool:
    """Whether the parent's statement makes it."""
    return only_inherited(new)


def goes_with_parent(old: SchemaObject, world: World) -> bool:
    """Whether the parent's statement drops it. What a table keeps when it leaves its parent is its own to drop."""
    return only_inherited(old) and (
        world.new.get(old.parent) is None or parents(old, world.old) == parents(old, world.new)
    )


def follows_parent(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether what differs is what its parent's statements, or joining and leaving a parent, change."""
    if only_inherited(old) and only_inherited(new):
        return True
    moved = parents(old, world.old) != parents(new, world.new)
    return moved and old.properties["definition"] == new.properties["definition"]


def comes_and_goes(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether the one is the table's own and the other its parent's, or both are both and differ."""
    if only_inherited(old) != only_inherited(new):
        table = world.new.get(new.parent)
        # A partition's own is merged with its parent's, and no trace is left of that.
        return not (only_inherited(new) and table is not None and bool(table.properties.get("partition_of")))
    return False


def after(op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
    """A child's comes behind its parent's, except that a child's own must be there to stay its own."""
    side = world.old if op is Op.DROP else world.new
    for parent in parents(subject, side):
        key = ObjectKey(subject.kind, f"{parent}.{bare(subject)}")
        if op is Op.DROP:
            yield Ref(Op.DROP, key)
        elif only_inherited(subject):
            yield Ref(Op.CREATE, key)
            yield Ref(Op.ALTER, key)
        elif op is Op.CREATE:
            yield Ref(Op.DROP, key)
