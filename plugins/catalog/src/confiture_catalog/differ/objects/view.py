"""Views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.objects.definitions import without_semicolon
from confiture_catalog.differ.objects.options import change_options, storage_options
from confiture_catalog.differ.world import World

__all__ = ["ViewHandler"]


class ViewHandler(Handler):
    """CREATE, CREATE OR REPLACE, ALTER and DROP VIEW."""

    kinds = ("view",)
    rank = 60

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE VIEW."""
        return (sql(_create(new, "CREATE VIEW")),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP VIEW."""
        return (sql(f"DROP VIEW {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Its options; another query where it yields the same columns and perhaps more behind them."""
        if old.properties["definition"] == new.properties["definition"]:
            options = [each.properties.get("options") for each in (old, new)]
            return list(change_options(f"ALTER VIEW {new.identity}", *options))
        if not _goes_on(old, new, world):
            return Way.REPLACE
        return [sql(_create(new, "CREATE OR REPLACE VIEW"))]


def _create(new: SchemaObject, verb: str) -> str:
    options = new.properties.get("options")
    told = f" WITH ({storage_options(options)})" if options else ""
    return f"{verb} {new.identity}{told} AS\n{without_semicolon(new.properties['definition'])}"


def _goes_on(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether CREATE OR REPLACE VIEW takes it: the columns that were there keep name, place, type and collation."""
    before, after = (
        [
            (each.name, each.properties["type"], each.properties.get("collation"), world.swapped.isdisjoint(each.needs))
            for each in side.children(old.key, "column")
        ]
        for side in (world.old, world.new)
    )
    return before == after[: len(before)]
