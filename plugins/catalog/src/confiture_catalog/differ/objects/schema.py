"""Schemas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, sql
from confiture_catalog.differ.world import World

__all__ = ["SchemaHandler"]


class SchemaHandler(Handler):
    """Nothing but a name."""

    kinds = ("schema",)
    rank = 0

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE SCHEMA. Every new database has a ``public``, and a side that was made from nothing may lack it."""
        unless = "IF NOT EXISTS " if new.identity == "public" else ""
        return (sql(f"CREATE SCHEMA {unless}{new.identity}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP SCHEMA."""
        return (sql(f"DROP SCHEMA {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """It has no properties."""
        return ()
