"""Triggers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
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
        """CREATE TRIGGER. A partition's copy is made with its parent's, or with the partition."""
        if inheritance.only_inherited(new):
            unsure = _state(new) or any(_parents_state(new, side) for side in (world.old, world.new))
            return _enable(new, world) if unsure else ()
        made = sql(str(new.properties["definition"]), undo=f"DROP TRIGGER {_on(new)}")
        return (made, *(_enable(new, world) if _state(new) else ()))

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TRIGGER; a partition's copy goes with its parent's, or when it leaves its parent."""
        if inheritance.only_inherited(old):
            return ()
        return (sql(f"DROP TRIGGER {_on(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Its enabled state, and what CREATE OR REPLACE TRIGGER changes."""
        if inheritance.only_inherited(old) != inheritance.only_inherited(new):
            return Way.REPLACE
        redefined = old.properties["definition"] != new.properties["definition"]
        if redefined and not inheritance.only_inherited(new):
            if any(each.properties.get("constraint") for each in (old, new)):
                return Way.REPLACE
            text = str(new.properties["definition"]).replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER", 1)
            return [sql(text), *(_enable(new, world) if _state(new) else ())]
        # CREATE TRIGGER, with or without OR REPLACE, leaves the trigger and its copies enabled.
        became = None if redefined else _state(old)
        return [*_enable(new, world)] if _state(new) != became else []

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """A copy's comes behind its parent's."""
        return inheritance.after(op, subject, world)


def _on(trigger: SchemaObject) -> str:
    assert trigger.parent is not None
    return f"{bare(trigger)} ON {trigger.parent.identity}"


def _state(trigger: SchemaObject) -> str | None:
    state = trigger.properties.get("enabled")
    return None if state is None else str(state)


def _enable(trigger: SchemaObject, world: World) -> tuple[Statement, ...]:
    assert trigger.parent is not None
    table = world.new.get(trigger.parent)
    # Copies have states of their own, and are compared by themselves.
    only = "ONLY " if table is not None and table.properties.get("partition_key") else ""
    word = _STATES[_state(trigger)]
    return (sql(f"ALTER TABLE {only}{trigger.parent.identity} {word} TRIGGER {bare(trigger)}"),)


def _parents_state(trigger: SchemaObject, side: Side) -> str | None:
    found = (side.find("trigger", f"{each}.{bare(trigger)}") for each in inheritance.parents(trigger, side))
    return next((_state(each) for each in found if each is not None), None)
