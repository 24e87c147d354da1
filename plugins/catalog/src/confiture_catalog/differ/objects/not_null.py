"""NOT NULL constraints of PostgreSQL 18: a column has one at most, and loses it only with its key or identity."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Op, Ref, sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.objects import inheritance
from confiture_catalog.differ.world import Side, World

__all__ = ["NOT_NULL", "after", "before", "columns_of", "merges", "not_nulls", "rename", "renamed_from", "renamed_to"]

NOT_NULL = "not null"


def columns_of(found: SchemaObject) -> list[ObjectKey]:
    """The keys of a constraint's columns."""
    names = found.properties.get("columns") or ()
    assert isinstance(names, tuple)
    assert found.parent is not None
    return [ObjectKey("column", f"{found.parent.identity}.{name}") for name in names]


def not_nulls(key: SchemaObject, among: Iterable[SchemaObject]) -> list[SchemaObject]:
    """Of these, the NOT NULLs of the columns of ``key``."""
    columns = set(columns_of(key))
    return [
        each for each in among if each.properties.get("type") == NOT_NULL and not columns.isdisjoint(columns_of(each))
    ]


def merges(found: SchemaObject, other: Side, world: World) -> bool:
    """Whether a table goes from one parent's to another's: it stays, under the name that it has."""
    there = _counterpart(found, other)
    return there is not None and _both_inherited(found, there) and not _stays_in_family(found, world)


def renamed_from(new: SchemaObject, world: World) -> SchemaObject | None:
    """The one of the column that is there and gets the name, so that the column is never without."""
    return _renamed(new, world.old, world)


def renamed_to(old: SchemaObject, world: World) -> SchemaObject | None:
    """The same, seen from the one that is there."""
    return _renamed(old, world.new, world)


def rename(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    """RENAME CONSTRAINT. The comment of the old one is not the new one's."""
    assert new.parent is not None
    table = f"ALTER TABLE {new.parent.identity} RENAME CONSTRAINT"
    yield sql(f"{table} {bare(old)} TO {bare(new)}", undo=f"{table} {bare(new)} TO {bare(old)}")
    if old.comment is not None and new.comment is None:
        yield sql(f"COMMENT ON CONSTRAINT {bare(new)} ON {new.parent.identity} IS NULL", undo="")


def after(op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
    """It is dropped when no key, identity or replica identity stands on it any more."""
    if op is not Op.DROP or subject.parent is None:
        return
    for key in world.old.children(subject.parent, "constraint"):
        if key.properties["type"] == "primary key" and not_nulls(key, [subject]):
            yield Ref(op, key.key)
    for index in world.old.children(subject.parent, "index"):
        if index.properties.get("replica_identity"):
            yield Ref(Op.ALTER, index.key)
            yield Ref(Op.DROP, index.key)
    for column in columns_of(subject):
        if _identities(column, world) == (True, False):
            yield Ref(Op.ALTER, column)


def before(op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
    """A column must be NOT NULL before it becomes an identity."""
    if op is Op.CREATE:
        yield from (Ref(Op.ALTER, each) for each in columns_of(subject) if _identities(each, world) == (False, True))


def _identities(column: ObjectKey, world: World) -> tuple[bool, bool] | None:
    old, new = world.old.get(column), world.new.get(column)
    if old is None or new is None:
        return None
    return (bool(old.properties.get("identity")), bool(new.properties.get("identity")))


def _renamed(found: SchemaObject, other: Side, world: World) -> SchemaObject | None:
    if found.properties["type"] != NOT_NULL or world.is_fresh(found.parent):
        return None
    there = _counterpart(found, other)
    if there is None or any(world.is_fresh(column) for column in columns_of(found)):
        return None
    # What a parent gives cannot be renamed but at the parent.
    if _both_inherited(found, there) or (_inherited(found, there) and _stays_in_family(found, world)):
        return None
    return there if there.properties["definition"] == found.properties["definition"] else None


def _counterpart(found: SchemaObject, other: Side) -> SchemaObject | None:
    """On the other side, that of the same column under another name that this side has not."""
    if found.properties["type"] != NOT_NULL or found.parent is None:
        return None
    there = not_nulls(found, other.children(found.parent, "constraint"))
    return there[0] if there and there[0].key != found.key else None


def _inherited(*found: SchemaObject) -> bool:
    return any(each.properties.get("inherited") for each in found)


def _both_inherited(one: SchemaObject, other: SchemaObject) -> bool:
    return _inherited(one) and _inherited(other)


def _stays_in_family(found: SchemaObject, world: World) -> bool:
    return inheritance.parents(found, world.old) == inheritance.parents(found, world.new)
