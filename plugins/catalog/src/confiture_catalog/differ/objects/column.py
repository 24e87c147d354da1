"""Columns of tables and foreign tables. Those of views come and go with the view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, refuse_data_loss, sql
from confiture_catalog.differ.objects.column_basics import (
    alter_table,
    follows_type,
    in_parents,
    name_of,
    of_table,
    own,
    swapped,
)
from confiture_catalog.differ.objects.column_changes import (
    by_rebuild,
    change_expression,
    change_identity,
    change_not_null,
    change_settings,
    change_type,
    must_be_replaced,
    refuse_declaring,
    type_changes,
    using,
)
from confiture_catalog.differ.objects.column_fill import fill, filling_of
from confiture_catalog.differ.objects.column_rebuild import fill_other
from confiture_catalog.differ.objects.column_text import define, identity_sequence, said_later
from confiture_catalog.differ.objects.column_type import same_family
from confiture_catalog.differ.objects.inheritance import goes_with_parent, goes_with_table, joins, leaving, parents_of
from confiture_catalog.differ.objects.materialized_view import column_settings
from confiture_catalog.differ.objects.moving import survives_swap
from confiture_catalog.differ.objects.not_null_names import is_in_the_way
from confiture_catalog.differ.objects.partition_key import key_columns
from confiture_catalog.differ.world import World

__all__ = ["ColumnHandler"]

#: What PostgreSQL refuses to have on a column whose type changes (tablecmds.c, RememberAllDependentForRebuilding).
_REFUSE_TYPE_CHANGE = frozenset(
    {"view", "materialized view", "rule", "policy", "trigger", "function", "procedure", "publication"}
)


class ColumnHandler(Handler):
    """ADD, ALTER and DROP COLUMN."""

    kinds = ("column",)
    rank = 35

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """ADD COLUMN, with its default and NOT NULL where they are parts of it."""
        refuse_declaring(None, new, world)
        if not (own(new) or joins(new, world)) or follows_type(new, world):
            return ()
        added = f"{alter_table(new)} ADD COLUMN"
        filling = filling_of(new, world, parts)
        back = f"{alter_table(new)} DROP COLUMN {name_of(new)}"
        if filling is None:
            later = tuple(said_later(new, world))
            return (sql(f"{added} {define(new, world, parts)}", undo=back if later else None), *later)
        return (
            sql(f"{added} {define(new, world, filling.parts, nullable=True)}", undo=back),
            *said_later(new, world),
            *fill(new, filling, world),
        )

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP COLUMN."""
        above = [found for key in in_parents(old, world.old) if (found := world.old.get(key)) is not None]
        stays = any(kept_by_child(each, world) for each in above)
        if not of_table(old) or (goes_with_parent(old, world) and not stays) or follows_type(old, world):
            return ()
        if kept_by_child(old, world):
            # Else it would be dropped in all children, with what it holds there.
            return (sql(f"ALTER TABLE ONLY {old.identity[: -len(name_of(old)) - 1]} DROP COLUMN {name_of(old)}"),)
        return (sql(f"{alter_table(old)} DROP COLUMN {name_of(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER COLUMN; dropped and added where it becomes generated, or where its expression cannot be changed."""
        if new.parent is not None and new.parent.kind == "materialized view":
            return tuple(column_settings(old, new))
        if not of_table(new):
            return ()
        if must_be_replaced(old, new, world):
            return Way.REPLACE
        refuse_declaring(old, new, world)
        return [
            *change_type(old, new, world),
            *change_expression(old, new),
            *change_identity(old, new, world),
            *change_not_null(old, new, world),
            *change_settings(old, new),
        ]

    def prepare(self, old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
        """The column that takes this one's place, filled."""
        if of_table(new) and type_changes(old, new, world) and by_rebuild(old, new, world):
            yield from fill_other(new, using(old, new, world), world)

    def blocks(self, old: SchemaObject, new: SchemaObject, dependent: SchemaObject, world: World) -> bool:
        """What PostgreSQL does not allow on a column whose type changes, and what would not fit the new one."""
        if not of_table(new) or not type_changes(old, new, world):
            return False
        if by_rebuild(old, new, world):
            return dependent.kind != "sequence"  # the swap takes it over
        if dependent.kind in _REFUSE_TYPE_CHANGE or (
            dependent.kind == "column" and dependent.properties.get("generated")
        ):
            return True
        if is_in_the_way(dependent, old, world):
            return True
        if same_family(str(old.properties["type"]), str(new.properties["type"])) and not swapped(old, world):
            return False
        if old.properties["type"] == new.properties["type"] and survives_swap(dependent):
            return False
        # Rebuilt as they are printed: with constants and operators of the old type.
        return dependent.kind in ("default", "constraint", "statistics") or (
            dependent.kind == "index" and not dependent.properties.get("constraint")
        )

    def on_swap(self, old: SchemaObject, swapped: SchemaObject, world: World) -> Way | None:
        """Its values move over, save for a generated one's, which are computed anew."""
        return None if of_table(old) and not old.properties.get("generated") else Way.REPLACE

    def parent_way(self, old: SchemaObject | None, new: SchemaObject | None, world: World, *, anew: bool) -> Way | None:
        """A new table where the type of a column changes that the table is partitioned by."""
        table = world.old.get(old.parent) if old is not None else None
        if old is None or new is None or table is None or not table.properties.get("partition_key"):
            return None
        by_it = old.name in key_columns(str(table.properties["partition_key"]))
        return Way.REPLACE if by_it and (anew or type_changes(old, new, world)) else None

    def check_replace(self, old: SchemaObject, new: SchemaObject, reason: str, world: World) -> None:
        """A column with values of its own is not given up for anything."""
        parent_goes = old.parent is not None and (world.is_fresh(old.parent) or old.parent not in world.new.objects)
        if of_table(old) and not old.properties.get("generated") and not parent_goes:
            refuse_data_loss(old, reason, world)

    def folds_into(self, new: SchemaObject, world: World) -> ObjectKey | None:
        """Its table or view."""
        return new.parent

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """The parents' column; and of an identity that is new, the end of the sequence whose name it takes."""
        found: list[Ref] = []
        if op in (Op.CREATE, Op.DROP):
            found += [Ref(Op.ALTER, table) for table in leaving(subject, world)]
        if op is Op.DROP and goes_with_table(subject, world):
            return found
        if op is Op.DROP:
            found += [Ref(Op.DROP, key) for key in in_parents(subject, world.old) if key in world.old.objects]
            stays = world.new.get(subject.parent) is not None and subject.properties.get("inherited")
            if stays and not goes_with_parent(subject, world) and subject.parent is not None:
                found.append(Ref(Op.ALTER, subject.parent))  # until the table has left, it is its parent's
            return found
        for key in in_parents(subject, world.new):
            found += [Ref(Op.CREATE, key), Ref(Op.ALTER, key)]
        if (sequence := identity_sequence(subject, world.new)) is not None:
            found.append(Ref(Op.DROP, sequence.key))
        return found

    def before(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A table that joins a parent must have all of its columns."""
        inherited = subject.properties.get("inherited")
        if op is Op.CREATE and subject.parent is not None and inherited and joins(subject, world):
            yield Ref(Op.ALTER, subject.parent)


def kept_by_child(old: SchemaObject, world: World) -> bool:
    """Whether a child of the table has the column still where the table itself has not."""
    if old.key in world.new.objects or old.parent is None:
        return False
    children = [each for each in world.old.dependents(old.parent) if each.kind == "table"]
    return any(
        old.parent.identity in parents_of(each)
        and world.new.find("column", f"{each.identity}.{name_of(old)}") is not None
        for each in children
    )
