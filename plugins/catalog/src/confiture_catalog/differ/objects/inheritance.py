"""Constraints, indexes and triggers that a parent table's statements make and take along."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.model import ObjectKey, SchemaObject
from confiture_catalog.differ.handler import Op, Ref
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.world import Side, World

__all__ = [
    "after",
    "before",
    "changes_hands",
    "follows_parent",
    "goes_with_parent",
    "goes_with_table",
    "in_use",
    "joins",
    "leaving",
    "made_by_parent",
    "only_inherited",
    "parents",
    "parents_of",
    "stands_alone",
]

#: What a table gets before it joins a parent: without checks and NOT NULL it may not, and keys are then built while
#: it is still in use. Foreign keys and triggers are copied.
_BEFORE_JOINING = ("check", "not null", "primary key", "unique")


def only_inherited(found: SchemaObject) -> bool:
    """Whether it is there because a parent has it, and for no other reason."""
    return bool(found.properties.get("inherited")) and not found.properties.get("local")


def parents(found: SchemaObject, side: Side) -> list[str]:
    """The tables that its table is a partition or a child of."""
    table = side.get(found.parent)
    return [] if table is None else parents_of(table)


def parents_of(table: SchemaObject) -> list[str]:
    """The tables that a table is a partition or a child of."""
    inherits = table.properties.get("inherits")
    if isinstance(inherits, tuple):
        return [str(each) for each in inherits]
    return [str(table.properties["partition_of"])] if table.properties.get("partition_of") else []


def in_use(new: SchemaObject, world: World) -> bool:
    """Whether its table is an existing one that stays in use meanwhile."""
    return world.online and not world.is_fresh(new.parent)


def joins(new: SchemaObject, world: World) -> bool:
    """Whether its table, which is there already, becomes a partition or a child of another one."""
    table = world.new.get(new.parent)
    if table is not None and world.is_fresh(table.key):
        return stands_alone(table, world.new)
    return world.old.get(new.parent) is not None and _moves(new, world)


def stands_alone(table: SchemaObject, side: Side) -> bool:
    """Whether a partition has parts of other names than CREATE TABLE ... PARTITION OF gives them.

    Such a one was a table before it was attached, and has to be made so again.
    """
    if not table.properties.get("partition_of"):
        return False
    parent = ObjectKey("table", str(table.properties["partition_of"]))
    given = {each.name for each in side.children(parent, "constraint")}
    for part in side.children(table.key, "constraint", "index"):
        if part.kind == "index":
            usual = part.name.startswith(f"{table.name}_") and part.name.endswith("_idx")
            if part.properties.get("partition_of") and not part.properties.get("constraint") and not usual:
                return True
        elif only_inherited(part) and part.properties["type"] in ("check", "not null"):
            if part.name not in given:
                return True
        elif only_inherited(part) and part.properties["type"] in ("primary key", "unique"):
            ending = "pkey" if part.properties["type"] == "primary key" else "key"
            if not (part.name.startswith(f"{table.name}_") and part.name.endswith(f"_{ending}")):
                return True
    return False


def _moves(found: SchemaObject, world: World) -> bool:
    return parents(found, world.old) != parents(found, world.new)


def made_by_parent(new: SchemaObject, world: World) -> bool:
    """Whether the parent's statement makes it. INHERIT and ATTACH PARTITION do not make what they can do without."""
    return only_inherited(new) and not (joins(new, world) and new.properties["type"] in _BEFORE_JOINING)


def goes_with_parent(old: SchemaObject, world: World) -> bool:
    """Whether the parent's statement drops it. What a table keeps when it leaves its parent is its own to drop."""
    if not only_inherited(old):
        return False
    return world.new.get(old.parent) is None or not _moves(old, world)


def follows_parent(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether what differs is only that its table has joined or left a parent."""
    joined_or_left = _moves(new, world) or (only_inherited(old) and only_inherited(new))
    return joined_or_left and old.properties["definition"] == new.properties["definition"]


def changes_hands(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether it was the table's own and will be its parent's alone, or the other way."""
    table = world.new.get(new.parent)
    inherited = [bool(each.properties.get("inherited")) for each in (old, new)]
    if table is not None and table.properties.get("partition_of") and inherited[1]:
        return False  # a partition's own is merged with its parent's, and no trace is left of that
    return inherited[0] != inherited[1] and (only_inherited(old) or only_inherited(new))


def after(op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
    """A child's comes behind its parent's, except that a child's own must be there to stay its own."""
    inherited = bool(subject.properties.get("inherited"))
    if op is Op.DROP and inherited and subject.parent is not None and _moves(subject, world):
        yield Ref(Op.ALTER, subject.parent)  # until the table has left its parent, it cannot drop it
        return
    if op is Op.DROP and goes_with_table(subject, world):
        return
    for key in _parents_own(subject, world.old if op is Op.DROP else world.new):
        if op is Op.DROP and key not in subject.needs:
            yield Ref(Op.DROP, key)
        elif op is Op.DROP:
            continue  # pg_depend has it the other way round, which is as well: only the parent's is dropped
        elif only_inherited(subject) and not joins(subject, world):
            yield Ref(Op.CREATE, key)
            yield Ref(Op.ALTER, key)
        elif op is Op.CREATE:
            yield Ref(Op.DROP, key)


def goes_with_table(found: SchemaObject, world: World) -> bool:
    """Whether its whole table is dropped: then parts have no order among tables, which have theirs."""
    parent = found.parent
    return parent is not None and (world.new.get(parent) is None or parent in world.fresh)


def leaving(found: SchemaObject, world: World) -> Iterable[ObjectKey]:
    """Children of its table that leave: they do so before it is made or dropped, which would else concern them."""
    if found.parent is None:
        return
    for table in world.old.dependents(found.parent):
        new = world.new.get(table.key)
        if table.kind not in ("table", "foreign table") or new is None:
            continue
        if found.parent.identity in parents_of(table) and found.parent.identity not in parents_of(new):
            yield table.key


def before(op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
    """What a table must have when it joins a parent."""
    inherited = bool(subject.properties.get("inherited"))
    if op is Op.CREATE and subject.parent is not None and inherited and joins(subject, world):
        yield Ref(Op.ALTER, subject.parent)
        yield Ref(Op.LATE, subject.parent)


def _parents_own(found: SchemaObject, side: Side) -> list[ObjectKey]:
    return [ObjectKey(found.kind, f"{parent}.{bare(found)}") for parent in parents(found, side)]
