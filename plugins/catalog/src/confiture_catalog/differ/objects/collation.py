"""Collations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.names import beside
from confiture_catalog.differ.world import World

__all__ = ["CollationHandler"]

_TEXTS = ("locale", "lc_collate", "lc_ctype", "rules")


class CollationHandler(Handler):
    """CREATE and DROP COLLATION. Nothing in one can be changed: columns are moved over to a new one."""

    kinds = ("collation",)
    rank = 8

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE COLLATION."""
        values = new.properties
        words = [f"provider = {values['provider']}"]
        words += [f"{name} = {quote_literal(str(values[name]))}" for name in _TEXTS if values.get(name)]
        if not values.get("deterministic"):
            words.append("deterministic = false")
        return (sql(f"CREATE COLLATION {new.identity} ({', '.join(words)})"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP COLLATION."""
        return (sql(f"DROP COLLATION {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """A new one."""
        return Way.SWAP

    def move_away(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """ALTER COLLATION ... RENAME."""
        return (sql(f"ALTER COLLATION {old.identity} RENAME TO {name}"),)

    def cleanup(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """DROP COLLATION."""
        return (sql(f"DROP COLLATION {beside(old, name)}"),)
