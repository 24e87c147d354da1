"""Triggers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Op, Ref, Way, sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.objects import inheritance
from confiture_catalog.differ.world import Side, World

__all__ = ["TriggerHandler"]

_STATES = {None: "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}


class TriggerHandler(Handler):
    """CREATE, CREATE OR REPLACE and DROP TRIGGER; ALTER TABLE ... ENABLE TRIGGER."""

    kinds = ("trigger",)
    rank = 80

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TRIGGER. A partition's copy is made with its parent's, and enabled as that is."""
        if inheritance.only_inherited(new):
            return _enable(new) if _state(new) != _parents_state(new, world.new) else ()
        made = sql(str(new.properties["definition"]), undo=f"DROP TRIGGER {_on(new)}")
        return (made, *(_enable(new) if _state(new) else ()))

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TRIGGER; a partition's copy goes with its parent's, or when it leaves its parent."""
        if inheritance.only_inherited(old):
            return ()
        return (sql(f"DROP TRIGGER {_on(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Its enabled state, and what CREATE OR REPLACE TRIGGER changes."""
        if inheritance.only_inherited(old) != inheritance.only_inherited(new):
            return Way.REPLACE
        copy = inheritance.only_inherited(new)
        if old.properties["definition"] != new.properties["definition"] and not copy:
            if any(each.properties.get("constraint") for each in (old, new)):
                return Way.REPLACE
            text = str(new.properties["definition"]).replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER", 1)
            return [sql(text), *(_enable(new) if _state(new) else ())]
        became = _state(old)
        if copy and _changes(old, world):
            became = _parents_state(new, world.new)
        return [*_enable(new)] if _state(new) != became else []

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A copy's comes behind its parent's."""
        return inheritance.after(op, subject, world)


def _on(trigger: SchemaObject) -> str:
    assert trigger.parent is not None
    return f"{bare(trigger)} ON {trigger.parent.identity}"


def _state(trigger: SchemaObject) -> str | None:
    state = trigger.properties.get("enabled")
    return None if state is None else str(state)


def _enable(trigger: SchemaObject) -> tuple[Statement, ...]:
    assert trigger.parent is not None
    return (sql(f"ALTER TABLE {trigger.parent.identity} {_STATES[_state(trigger)]} TRIGGER {bare(trigger)}"),)


def _parent(trigger: SchemaObject, side: Side) -> SchemaObject | None:
    found = [side.find("trigger", f"{each}.{bare(trigger)}") for each in inheritance.parents(trigger, side)]
    return found[0] if found else None


def _parents_state(trigger: SchemaObject, side: Side) -> str | None:
    parent = _parent(trigger, side)
    return None if parent is None else _state(parent)


def _changes(copy: SchemaObject, world: World) -> bool:
    """Whether something is done to its parent's, which is then done to it as well."""
    seen: SchemaObject | None = copy
    while seen is not None:
        seen = _parent(seen, world.old)
        if seen is None:
            return False
        new = world.new.get(ObjectKey("trigger", seen.identity))
        if new is None or new.properties != seen.properties or world.is_fresh(seen.key):
            return True
    return False
