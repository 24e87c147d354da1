"""From one state of a column to another: a step each."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.errors import Refused
from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.objects.column_basics import (
    alter_column,
    alter_table,
    follows_type,
    name_of,
    swapped,
)
from confiture_catalog.differ.objects.column_rebuild import may_rebuild, swap_in
from confiture_catalog.differ.objects.column_text import identity_clause, identity_sequence
from confiture_catalog.differ.objects.column_type import conversion, rewrites
from confiture_catalog.differ.objects.inheritance import parents
from confiture_catalog.differ.objects.moving import conversion_by_function, moves_with_extension
from confiture_catalog.differ.objects.not_null_names import around_type_change
from confiture_catalog.differ.objects.options import change_options, foreign_options
from confiture_catalog.differ.objects.sequence import continue_after
from confiture_catalog.differ.world import World

__all__ = [
    "by_rebuild",
    "change_expression",
    "change_identity",
    "change_not_null",
    "change_settings",
    "change_type",
    "must_be_replaced",
    "refuse_declaring",
    "type_changes",
    "using",
]


def type_changes(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether its type or collation will be another one."""
    changed = any(old.properties.get(name) != new.properties.get(name) for name in ("type", "collation"))
    return (changed and not moves_with_extension(old, new, world)) or swapped(old, world)


def must_be_replaced(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether no ALTER COLUMN leads there: it is dropped and added."""
    was, becomes = old.properties.get("generated"), new.properties.get("generated")
    if was == becomes == "virtual" or (was == becomes == "stored"):
        changes = old.properties.get("generation") != new.properties.get("generation")
        # SET EXPRESSION came with PostgreSQL 17.
        return type_changes(old, new, world) or (changes and world.options.target_version < 17)
    # A stored one can become a plain one, keeping its values (DROP EXPRESSION).
    return was != becomes and not (was == "stored" and not becomes)


def change_type(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """ALTER COLUMN TYPE, or the column that was filled beside it."""
    inherited = new.properties.get("inherited")
    if inherited or not type_changes(old, new, world) or follows_type(new, world):
        return
    if by_rebuild(old, new, world):
        yield from swap_in(old, new, world)
        return
    collation = f" COLLATE {new.properties['collation']}" if new.properties.get("collation") else ""
    by = using(old, new, world)
    becomes = new.properties["type"]
    before, after = around_type_change(old, world)
    yield from before
    yield sql(f"{alter_column(new)} TYPE {becomes}{collation}{f' USING {by}' if by else ''}")
    yield from after


def refuse_declaring(old: SchemaObject | None, new: SchemaObject, world: World) -> None:
    """Raise ``Refused`` where a column would have to be declared otherwise than it can be.

    A child declares a column itself from its birth, or since it has had it beside a parent, or has left one: what
    was declared once stays so (attislocal), and no statement declares what came from a parent.
    """
    table = world.new.get(new.parent)
    if table is None or table.properties.get("partition_of") or world.is_fresh(table.key):
        return
    if not new.properties.get("inherited"):
        return
    kept = [name for name in parents(new, world.old) if name in parents(new, world.new)]
    keys = [ObjectKey("column", f"{name}.{name_of(new)}") for name in kept]
    # A new one comes with its parent's, which is new as well; one that stays has been its parent's all along.
    if old is None:
        same = [
            key for key in keys if key in world.new.objects and (key in world.fresh or key not in world.old.objects)
        ]
    else:
        same = [key for key in keys if key in world.new.objects and key in world.old.objects]
    inherited_only = old is not None and bool(old.properties.get("inherited")) and not old.properties.get("local")
    if new.properties.get("local"):
        impossible = inherited_only and parents(new, world.old) == parents(new, world.new)
    else:
        impossible = not same or (old is not None and not inherited_only)
    if impossible:
        way = "not" if not new.properties.get("local") else "also"
        raise Refused(
            f"whether the table itself declares the inherited column {new.identity!r} cannot be changed",
            hint=f"the new side says that it does {way}; it makes no other difference: write the column as the table "
            "will have it, in the child as well or in the parent alone",
        )


def using(old: SchemaObject, new: SchemaObject, world: World) -> str:
    """The expression of USING; "" where none is needed. A foreign table's rows are not here."""
    was, becomes = str(old.properties["type"]), str(new.properties["type"])
    if (was == becomes and not swapped(old, world, but="collation")) or (
        new.parent is not None and new.parent.kind == "foreign table"
    ):
        return ""
    stays = not world.swapped.isdisjoint({*old.needs} & {*new.needs})
    if stays and (moved := conversion_by_function(name_of(new), old, new, world)) is not None:
        return moved
    builtin = not any(need.kind.endswith((" type", "enum", "domain")) for need in (*old.needs, *new.needs))
    return conversion(name_of(new), was, becomes, builtin=builtin and not swapped(old, world))


def by_rebuild(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether another column, filled in batches, takes its place: the table is big, and would be rewritten."""
    if not may_rebuild(old, new, world):
        return False
    return swapped(old, world) or rewrites(str(old.properties["type"]), str(new.properties["type"]))


def change_expression(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    """From one expression to another, or to none: the values stay as they are."""
    if new.properties.get("inherited"):
        return
    if old.properties.get("generated") and not new.properties.get("generated"):
        yield sql(f"{alter_column(new)} DROP EXPRESSION")
    elif old.properties.get("generation") != new.properties.get("generation"):
        yield sql(f"{alter_column(new)} SET EXPRESSION AS ({new.properties['generation']})")


def change_identity(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """Becoming an identity, ceasing to be one, and how much of one it is."""
    was, becomes = old.properties.get("identity"), new.properties.get("identity")
    table = world.new.get(new.parent)
    if was == becomes or (table is not None and table.properties.get("partition_of")):
        return
    if not becomes:
        yield sql(f"{alter_column(new)} DROP IDENTITY")
    elif was:
        yield sql(f"{alter_column(new)} SET GENERATED {str(becomes).upper()}")
    else:
        yield sql(f"{alter_column(new)} ADD {identity_clause(new, world.new)}")
        if (sequence := identity_sequence(new, world.new)) is not None:
            yield continue_after(sequence, new)


def change_not_null(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """Where NOT NULL has no name: a mark on the column."""
    was, becomes = old.properties.get("not_null"), new.properties.get("not_null")
    if world.named_not_null or was == becomes:
        return
    if not becomes:
        yield sql(f"{alter_column(new)} DROP NOT NULL")
        return
    if world.online and new.parent is not None and not world.is_fresh(new.parent):
        # A valid check is taken as the proof, so that the table is not read under ACCESS EXCLUSIVE (since 12).
        table, name = alter_table(new), '"confiture_not_null"'
        yield sql(f"{table} ADD CONSTRAINT {name} CHECK ({name_of(new)} IS NOT NULL) NOT VALID", undo="")
        yield sql(f"{table} VALIDATE CONSTRAINT {name}", undo="")
        yield sql(f"{alter_column(new)} SET NOT NULL", undo=f"{alter_column(new)} DROP NOT NULL")
        yield sql(f"{table} DROP CONSTRAINT {name}", undo="")
    else:
        yield sql(f"{alter_column(new)} SET NOT NULL")


def change_settings(old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
    """How it is stored and sampled."""
    was, becomes = old.properties, new.properties
    if was.get("storage") != becomes.get("storage"):
        yield sql(f"{alter_column(new)} SET STORAGE {becomes.get('storage') or 'DEFAULT'}")
    if was.get("compression") != becomes.get("compression"):
        yield sql(f"{alter_column(new)} SET COMPRESSION {becomes.get('compression') or 'default'}")
    if was.get("statistics") != becomes.get("statistics"):
        target = becomes.get("statistics")
        yield sql(f"{alter_column(new)} SET STATISTICS {-1 if target is None else target}")
    yield from change_options(alter_column(new), was.get("options"), becomes.get("options"))
    if was.get("foreign_options") != becomes.get("foreign_options"):
        change = foreign_options(becomes.get("foreign_options"), was.get("foreign_options"))
        yield sql(f"{alter_column(new)} OPTIONS ({change})")
