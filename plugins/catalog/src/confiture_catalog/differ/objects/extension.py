"""Extensions. What they are made of is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, sql
from confiture_catalog.differ.world import World

__all__ = ["ExtensionHandler"]


class ExtensionHandler(Handler):
    """CREATE, ALTER and DROP EXTENSION."""

    kinds = ("extension",)
    rank = 5

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE EXTENSION, in the version that the server has to offer: it may not have the one that was seen."""
        return (sql(f"CREATE EXTENSION {new.identity} WITH SCHEMA {new.properties['schema']}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP EXTENSION."""
        return (sql(f"DROP EXTENSION {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """UPDATE TO and SET SCHEMA. Not every extension can be moved, or has a way to every version."""
        extension, was, becomes = f"ALTER EXTENSION {new.identity}", old.properties, new.properties
        statements = []
        if was.get("schema") != becomes.get("schema"):
            statements.append(sql(f"{extension} SET SCHEMA {becomes['schema']}"))
        if was.get("version") != becomes.get("version"):
            statements.append(sql(f"{extension} UPDATE TO {quote_literal(str(becomes['version']))}"))
        return statements
