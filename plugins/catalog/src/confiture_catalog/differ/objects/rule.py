"""Rules, save for the one that every view is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.objects.definitions import without_semicolon
from confiture_catalog.differ.world import World

__all__ = ["RuleHandler"]

_STATES = {None: "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}


class RuleHandler(Handler):
    """CREATE OR REPLACE and DROP RULE; ALTER TABLE ... ENABLE RULE."""

    kinds = ("rule",)
    rank = 75

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE RULE."""
        made = sql(without_semicolon(new.properties["definition"]), undo=f"DROP RULE {_on(new)}")
        return (made, *(_enable(new) if new.properties.get("enabled") else ()))

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP RULE."""
        return (sql(f"DROP RULE {_on(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """CREATE OR REPLACE RULE, which leaves the enabled state as it is."""
        statements: list[Statement] = []
        if old.properties["definition"] != new.properties["definition"]:
            text = without_semicolon(new.properties["definition"])
            statements.append(sql(text.replace("CREATE RULE", "CREATE OR REPLACE RULE", 1)))
        if old.properties.get("enabled") != new.properties.get("enabled"):
            statements += _enable(new)
        return statements


def _on(rule: SchemaObject) -> str:
    assert rule.parent is not None
    return f"{bare(rule)} ON {rule.parent.identity}"


def _enable(rule: SchemaObject) -> tuple[Statement, ...]:
    assert rule.parent is not None
    state = rule.properties.get("enabled")
    word = _STATES[None if state is None else str(state)]
    return (sql(f"ALTER TABLE {rule.parent.identity} {word} RULE {bare(rule)}"),)
