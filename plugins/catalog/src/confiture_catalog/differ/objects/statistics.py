"""Extended statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import World

__all__ = ["StatisticsHandler"]


class StatisticsHandler(Handler):
    """CREATE, ALTER and DROP STATISTICS."""

    kinds = ("statistics",)
    rank = 50

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE STATISTICS."""
        made = sql(str(new.properties["definition"]), undo=f"DROP STATISTICS {new.identity}")
        return (made, *(_target(new) if new.properties.get("statistics") is not None else ()))

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP STATISTICS."""
        return (sql(f"DROP STATISTICS {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Its target."""
        if any(old.properties[name] != new.properties[name] for name in ("definition", "table")):
            return Way.REPLACE
        if old.properties.get("statistics") == new.properties.get("statistics"):
            return ()
        return list(_target(new))


def _target(new: SchemaObject) -> tuple[Statement, ...]:
    target = new.properties.get("statistics")
    return (sql(f"ALTER STATISTICS {new.identity} SET STATISTICS {-1 if target is None else target}"),)
