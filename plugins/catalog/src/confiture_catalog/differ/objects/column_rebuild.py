"""A new type for a column of a big table, which stays in use: a second column, filled in batches, takes its place.

ALTER COLUMN TYPE writes the table anew under ACCESS EXCLUSIVE. Here a trigger keeps the second column up to date while
a backfill goes through the table; the swap itself only changes the catalogs. What refers to the column (keys, indexes,
checks, views...) is taken down before and put back after by nodes of its own, in their online forms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from confiture.migrations.backfill import BATCH_ROWS, backfill_statement
from confiture.model import Effects, SchemaObject, Statement
from confiture_catalog.differ import attributes
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.names import bare, beside
from confiture_catalog.differ.world import World

__all__ = ["BIG_ROWS", "fill_other", "may_rebuild", "swap_in"]

#: From here on a rewrite is taken to keep others waiting for too long: a million rows take some seconds.
BIG_ROWS = 1_000_000


def may_rebuild(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether the table is known to be big and the column is one that can be replaced by another.

    Not in partitions and families, where one column is many; identity and generated ones have no second.
    """
    table = world.new.get(new.parent)
    if not world.online or table is None or table.kind != "table" or world.is_fresh(table.key):
        return False
    family = any(table.properties.get(name) for name in ("partition_of", "partition_key", "inherits", "of_type"))
    # A child's ``inherits`` names this one; a partition key may use the column.
    children = any(table.key in each.needs for each in world.new.dependents(table.key) if each.kind == "table")
    special = any(each.properties.get(name) for each in (old, new) for name in ("identity", "generated"))
    return not (family or children or special) and (world.rows(table.identity) or 0) >= BIG_ROWS


def fill_other(new: SchemaObject, conversion: str, world: World) -> Iterable[Statement]:
    """The second column, kept up to date and filled.

    ``conversion`` is the new value as an expression of the old one; "" for an assignment.
    """
    assert new.parent is not None
    table, name, type_ = new.parent.identity, bare(new), str(new.properties["type"])
    other, function = _names(new, world)
    collation = f" COLLATE {new.properties['collation']}" if new.properties.get("collation") else ""
    # An assignment, as in ALTER COLUMN TYPE: a cast would cut what is too long, where this fails.
    value = conversion or name
    yield sql(
        f"ALTER TABLE {table} ADD COLUMN {other} {type_}{collation}", undo=f"ALTER TABLE {table} DROP COLUMN {other}"
    )
    yield sql(
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $confiture$\nBEGIN\n"
        f"    NEW.{other} := (SELECT {value} FROM (SELECT NEW.{name}) AS row ({name}));\n"
        f"    RETURN NEW;\nEND\n$confiture$",
        undo=f"DROP FUNCTION {function}()",
    )
    # Its name comes last in the alphabet: it sees what other triggers made of the row.
    yield sql(
        f"CREATE TRIGGER zzz_{other} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
        undo=f"DROP TRIGGER zzz_{other} ON {table}",
    )
    todo = f"{other} IS NULL AND {name} IS NOT NULL"
    fill = backfill_statement(table, f"{other} = {value}", todo, BATCH_ROWS)
    yield msgspec.structs.replace(fill, undo="", effects=Effects(lock="ROW EXCLUSIVE", tables=(table,), scans=True))


def swap_in(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """The second column takes the place and the name of the first, in one statement, and gets what is said of it."""
    assert new.parent is not None
    table, name = new.parent.identity, bare(new)
    other, function = _names(new, world)
    owned = [
        each
        for each in world.old.dependents(old.key)
        if each.kind == "sequence" and each.properties.get("owned_by") == old.identity
    ]
    steps = [
        f"DROP TRIGGER zzz_{other} ON {table};",
        *(f"ALTER SEQUENCE {each.identity} OWNED BY {table}.{other};" for each in owned),
        f"ALTER TABLE {table} DROP COLUMN {name};",
        f"ALTER TABLE {table} RENAME COLUMN {other} TO {name};",
        f"DROP FUNCTION {function}();",
    ]
    swap = sql("DO $confiture$\nBEGIN\n    " + "\n    ".join(steps) + "\nEND\n$confiture$")
    yield msgspec.structs.replace(swap, effects=Effects(lock="ACCESS EXCLUSIVE", tables=(table,)))
    yield from attributes.after_create(new, world)


def _names(new: SchemaObject, world: World) -> tuple[str, str]:
    """The second column, bare, and the trigger's function, qualified: the same at every call."""
    assert new.parent is not None
    number = hashlib.sha256(new.identity.encode()).hexdigest()[:12]
    return f"confiture_new_{number}", beside(world.new.objects[new.parent], f"confiture_fill_{number}")
