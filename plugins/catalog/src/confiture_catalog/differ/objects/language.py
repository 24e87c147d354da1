"""Procedural languages, and access methods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, same_properties, sql
from confiture_catalog.differ.world import World

__all__ = ["AccessMethodHandler", "LanguageHandler"]


class LanguageHandler(Handler):
    """CREATE OR REPLACE and DROP LANGUAGE."""

    kinds = ("language",)
    rank = 7

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE LANGUAGE."""
        return (sql(f"CREATE {_rest(new)}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP LANGUAGE."""
        return (sql(f"DROP LANGUAGE {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """CREATE OR REPLACE LANGUAGE, which keeps the functions that are written in it."""
        if same_properties(old, new):
            return ()
        return [sql(f"CREATE OR REPLACE {_rest(new)}")]


class AccessMethodHandler(Handler):
    """CREATE and DROP ACCESS METHOD; there is no ALTER."""

    kinds = ("access method",)
    rank = 12

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE ACCESS METHOD."""
        kind, handler = str(new.properties["type"]).upper(), new.properties["handler"]
        return (sql(f"CREATE ACCESS METHOD {new.identity} TYPE {kind} HANDLER {handler}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP ACCESS METHOD."""
        return (sql(f"DROP ACCESS METHOD {old.identity}"),)


def _rest(language: SchemaObject) -> str:
    values = language.properties
    trusted = "TRUSTED " if values.get("trusted") else ""
    words = [f"{trusted}LANGUAGE {language.identity}"]
    words += [f"{name.upper()} {values[name]}" for name in ("handler", "inline", "validator") if values.get(name)]
    return " ".join(words)
