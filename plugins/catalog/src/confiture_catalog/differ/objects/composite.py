"""Composite types and their attributes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, sql
from confiture_catalog.differ.names import beside
from confiture_catalog.differ.objects.moving import functions, functions_away
from confiture_catalog.differ.world import Side, World

__all__ = ["AttributeHandler", "CompositeHandler", "order_is_reachable"]

#: What has values of the type in rows, or in other types (tablecmds.c, find_composite_type_dependencies).
_HOLDERS = frozenset({"column", "attribute", "domain", "range type"})
#: What PostgreSQL refuses to have on an attribute whose type changes.
_REFUSE_TYPE_CHANGE = frozenset(
    {"view", "materialized view", "rule", "policy", "trigger", "function", "procedure", "index", "constraint"}
)


class CompositeHandler(Handler):
    """CREATE and DROP TYPE. What changes is an attribute, and where that cannot, the type is made anew."""

    kinds = ("composite type",)
    rank = 12

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TYPE ... AS, and what brings values over from an old one of another shape."""
        attributes = ", ".join(_define(each) for each in parts if each.kind == "attribute")
        yield sql(f"CREATE TYPE {new.identity} AS ({attributes})")
        if new.key in world.swapped:
            yield from functions(new, world)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TYPE."""
        return (sql(f"DROP TYPE {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """It has no properties."""
        return ()

    def move_away(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """ALTER TYPE ... RENAME; its tables are on their own until they have the new one's columns."""
        yield from super().move_away(old, name, world)
        for each in _kept_tables(old, world):
            yield sql(f"ALTER TABLE {each.identity} NOT OF")

    def cleanup(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """DROP TYPE, when its tables belong to the new one."""
        for each in _kept_tables(old, world):
            yield sql(f"ALTER TABLE {each.identity} OF {old.identity}")
        yield from functions_away(old, world)
        yield sql(f"DROP TYPE {beside(old, name)}")

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """An old type goes when its tables have the columns of the new one."""
        if op is not Op.CLEANUP:
            return ()
        return _nodes_of_columns(subject, world)

    def before(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """Its tables are on their own before their columns change."""
        return _nodes_of_columns(subject, world) if op is Op.DROP and subject.key in world.swapped else ()


class AttributeHandler(Handler):
    """ALTER TYPE ... ADD, ALTER and DROP ATTRIBUTE."""

    kinds = ("attribute",)
    rank = 13

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """ADD ATTRIBUTE, at the end."""
        return (sql(f"ALTER TYPE {_type(new)} ADD ATTRIBUTE {_define(new)}{_cascade(new, world)}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP ATTRIBUTE; not from an old type, whose values are still to be read."""
        if old.parent in world.swapped:
            return ()
        return (sql(f"ALTER TYPE {_type(old)} DROP ATTRIBUTE {_name(old)}{_cascade(old, world)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER ATTRIBUTE ... TYPE; its position is that of those before it."""
        if not _type_changes(old, new, world):
            return ()
        collation = f" COLLATE {new.properties['collation']}" if new.properties.get("collation") else ""
        type_ = f"{new.properties['type']}{collation}{_cascade(new, world)}"
        return [sql(f"ALTER TYPE {_type(new)} ALTER ATTRIBUTE {_name(new)} TYPE {type_}")]

    def blocks(self, old: SchemaObject, new: SchemaObject, dependent: SchemaObject, world: World) -> bool:
        """What PostgreSQL does not allow on what changes its type."""
        return _type_changes(old, new, world) and dependent.kind in _REFUSE_TYPE_CHANGE

    def on_swap(self, old: SchemaObject, swapped: SchemaObject, world: World) -> Way | None:
        """It takes the new type; or its own type is made anew, see :meth:`parent_way`."""
        return None

    def parent_way(self, old: SchemaObject | None, new: SchemaObject | None, world: World, *, anew: bool) -> Way | None:
        """A new type where attributes would stand in another order, or change under values that exist."""
        part = old or new
        assert part is not None
        if anew:
            return Way.REPLACE
        assert part.parent is not None
        if not order_is_reachable(part.parent, world):
            return Way.SWAP
        if old is not None and new is not None and _type_changes(old, new, world):
            held = any(each.kind in _HOLDERS for each in world.old.dependents(part.parent))
            return Way.SWAP if held else None
        return None

    def folds_into(self, new: SchemaObject, world: World) -> ObjectKey | None:
        """Its type."""
        return new.parent


def _name(attribute: SchemaObject) -> str:
    return attribute.identity[len(_type(attribute)) + 1 :]


def _type(attribute: SchemaObject) -> str:
    assert attribute.parent is not None
    return attribute.parent.identity


def _define(attribute: SchemaObject) -> str:
    collation = f" COLLATE {attribute.properties['collation']}" if attribute.properties.get("collation") else ""
    return f"{_name(attribute)} {attribute.properties['type']}{collation}"


def _typed_tables(composite: SchemaObject, side: Side) -> list[SchemaObject]:
    return [each for each in side.dependents(composite.key) if each.properties.get("of_type") == composite.identity]


def _kept_tables(composite: SchemaObject, world: World) -> list[SchemaObject]:
    both = (each for each in _typed_tables(composite, world.new) if each.key in world.old.objects)
    return [
        each
        for each in both
        if world.old.objects[each.key].properties.get("of_type") == composite.identity and not world.is_fresh(each.key)
    ]


def _nodes_of_columns(composite: SchemaObject, world: World) -> list[Ref]:
    columns = {
        column.key
        for table in _kept_tables(composite, world)
        for side in (world.old, world.new)
        for column in side.children(table.key, "column")
    }
    return [Ref(op, key) for key in sorted(columns) for op in (Op.DROP, Op.ALTER, Op.CREATE)]


def _cascade(attribute: SchemaObject, world: World) -> str:
    """So that the tables of the type follow."""
    composite = world.old.get(attribute.parent)
    return " CASCADE" if composite is not None and _typed_tables(composite, world.old) else ""


def _type_changes(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    changes = any(old.properties.get(name) != new.properties.get(name) for name in ("type", "collation"))
    return changes or not world.swapped.isdisjoint(old.needs)


def order_is_reachable(composite: ObjectKey, world: World) -> bool:
    """Whether attributes, and columns with them, come to stand in the new order.

    That is: what is gone is dropped, and what is new is added at the end.
    """
    before = [each.key for each in world.old.children(composite, "attribute")]
    after = [each.key for each in world.new.children(composite, "attribute")]
    kept = [key for key in before if key in after]
    return after == [*kept, *(key for key in after if key not in before)]
