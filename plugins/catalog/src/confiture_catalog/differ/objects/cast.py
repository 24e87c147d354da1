"""Casts, conversions and transforms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, same_properties, sql
from confiture_catalog.differ.world import World

__all__ = ["CastHandler", "ConversionHandler", "TransformHandler"]


class CastHandler(Handler):
    """CREATE and DROP CAST."""

    kinds = ("cast",)
    rank = 28

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE CAST."""
        values = new.properties
        how = {"inout": "WITH INOUT", "binary": "WITHOUT FUNCTION"}.get(str(values.get("method")))
        context = f" AS {str(values['context']).upper()}" if values.get("context") else ""
        return (sql(f"CREATE CAST ({new.identity}) {how or 'WITH FUNCTION ' + str(values['function'])}{context}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP CAST."""
        return (sql(f"DROP CAST ({old.identity})"),)


class ConversionHandler(Handler):
    """CREATE and DROP CONVERSION."""

    kinds = ("conversion",)

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE CONVERSION."""
        values = new.properties
        return (
            sql(
                f"CREATE {'DEFAULT ' if values.get('default') else ''}CONVERSION {new.identity}"
                f" FOR {quote_literal(str(values['from']))} TO {quote_literal(str(values['to']))}"
                f" FROM {values['function']}"
            ),
        )

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP CONVERSION."""
        return (sql(f"DROP CONVERSION {old.identity}"),)


class TransformHandler(Handler):
    """CREATE OR REPLACE and DROP TRANSFORM."""

    kinds = ("transform",)
    rank = 28

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TRANSFORM."""
        return (sql(f"CREATE {_transform(new)}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TRANSFORM."""
        return (sql(f"DROP TRANSFORM {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """CREATE OR REPLACE TRANSFORM."""
        return () if same_properties(old, new) else (sql(f"CREATE OR REPLACE {_transform(new)}"),)


def _transform(found: SchemaObject) -> str:
    values = found.properties
    said = [
        f"{word} WITH FUNCTION {values[name]}"
        for name, word in (("from_sql", "FROM SQL"), ("to_sql", "TO SQL"))
        if values.get(name)
    ]
    return f"TRANSFORM {found.identity} ({', '.join(said)})"
