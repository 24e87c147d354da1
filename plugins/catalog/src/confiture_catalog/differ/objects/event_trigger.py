"""Event triggers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import World

__all__ = ["EventTriggerHandler"]

_ENABLE = {None: "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}


class EventTriggerHandler(Handler):
    """They fire on the plan's own statements: made after all others, dropped before them."""

    kinds = ("event trigger",)
    rank = 1000

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE EVENT TRIGGER."""
        values = new.properties
        tags = values.get("tags")
        when = f" WHEN TAG IN ({', '.join(quote_literal(str(t)) for t in tags)})" if isinstance(tags, tuple) else ""
        yield sql(
            f"CREATE EVENT TRIGGER {new.identity} ON {values['event']}{when} EXECUTE FUNCTION {values['function']}()"
        )
        if values.get("enabled"):
            yield sql(_enable(new), undo="")

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP EVENT TRIGGER."""
        return (sql(f"DROP EVENT TRIGGER {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Only whether it is enabled."""
        if any(old.properties.get(name) != new.properties.get(name) for name in ("event", "function", "tags")):
            return Way.REPLACE
        return (sql(_enable(new)),) if old.properties.get("enabled") != new.properties.get("enabled") else ()


def _enable(found: SchemaObject) -> str:
    enabled = found.properties.get("enabled")
    return f"ALTER EVENT TRIGGER {found.identity} {_ENABLE[None if enabled is None else str(enabled)]}"
