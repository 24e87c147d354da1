"""A column as CREATE TABLE and ADD COLUMN want it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.objects.column_basics import alter_column, name_of
from confiture_catalog.differ.objects.options import foreign_options
from confiture_catalog.differ.objects.sequence import sequence_options
from confiture_catalog.differ.world import Side, World

__all__ = ["define", "identity_clause", "identity_sequence", "is_not_null_of", "said_later"]

#: CREATE TABLE and ADD COLUMN take STORAGE from this version on.
_STORAGE_SAID = 16


def define(new: SchemaObject, world: World, parts: Sequence[SchemaObject], *, nullable: bool = False) -> str:
    """A column as CREATE TABLE and ADD COLUMN want it. ``parts`` may hold its default and NOT NULL, among others."""
    values = new.properties
    words = [name_of(new), str(values["type"])]
    if values.get("foreign_options"):
        words.append(f"OPTIONS ({foreign_options(values['foreign_options'])})")
    if values.get("storage") and world.options.target_version >= _STORAGE_SAID:
        words.append(f"STORAGE {values['storage']}")
    if values.get("compression"):
        words.append(f"COMPRESSION {values['compression']}")
    if values.get("collation"):
        words.append(f"COLLATE {values['collation']}")
    if values.get("generated"):
        words.append(f"GENERATED ALWAYS AS ({values['generation']}) {str(values['generated']).upper()}")
    if values.get("identity"):
        words.append(identity_clause(new, world.new))
    for part in parts:
        if part.kind == "default" and part.identity == new.identity:
            words.append(f"DEFAULT {part.properties['expression']}")
        elif is_not_null_of(part, new):
            words.append(_not_null(part, new, world.new))
    if values.get("not_null") and not world.named_not_null and not nullable:
        words.append("NOT NULL")
    return " ".join(words)


def said_later(new: SchemaObject, world: World) -> Iterable[Statement]:
    """What the column has and a server of that version does not take in :func:`define`."""
    if new.properties.get("storage") and world.options.target_version < _STORAGE_SAID:
        yield sql(f"{alter_column(new)} SET STORAGE {new.properties['storage']}", undo="")


def is_not_null_of(part: SchemaObject, column: SchemaObject) -> bool:
    """Whether it is the named NOT NULL of that column, of a form that can stand beside it."""
    return (
        part.kind == "constraint"
        and part.properties["type"] == "not null"
        and part.parent == column.parent
        and part.properties.get("columns") == (name_of(column),)
    )


def _not_null(constraint: SchemaObject, column: SchemaObject, side: Side) -> str:
    table = side.get(column.parent)
    usual = f"{table.name if table else ''}_{column.name}_not_null"
    definition = str(constraint.properties["definition"])
    rest = definition.removeprefix(f"NOT NULL {name_of(column)}")
    named = "" if constraint.name == usual else f"CONSTRAINT {name_of(constraint)} "
    return f"{named}NOT NULL{rest}"


def identity_clause(new: SchemaObject, side: Side) -> str:
    """``GENERATED ... AS IDENTITY`` with what is not the default of its sequence."""
    sequence = identity_sequence(new, side)
    options = []
    if sequence is not None:
        table = side.get(new.parent)
        if sequence.name != f"{table.name if table else ''}_{new.name}_seq":
            options.append(f"SEQUENCE NAME {sequence.identity}")
        if said := sequence_options(sequence):
            options.append(said)
    told = f" ({' '.join(options)})" if options else ""
    return f"GENERATED {str(new.properties['identity']).upper()} AS IDENTITY{told}"


def identity_sequence(column: SchemaObject, side: Side) -> SchemaObject | None:
    """The sequence behind an identity column."""
    if not column.properties.get("identity"):
        return None
    for each in side.dependents(column.key):
        if each.kind == "sequence" and each.properties.get("identity"):
            return each
    return None
