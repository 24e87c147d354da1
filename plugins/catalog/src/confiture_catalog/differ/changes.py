"""What happens to each object: found by comparing, then spread to what must be gone meanwhile.

Pure. The result says for every object that is touched whether it is created, dropped, altered, replaced or swapped;
nothing is in order yet.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from confiture.errors import Refused
from confiture.model import ObjectKey, SchemaObject
from confiture_catalog.differ import attributes
from confiture_catalog.differ.handler import Handler, Way, same_properties
from confiture_catalog.differ.kinds import Handlers
from confiture_catalog.differ.world import World

__all__ = ["Change", "find_changes"]


class Change(Enum):
    """What becomes of an object."""

    DROP = "drop"
    CREATE = "create"
    ALTER = "alter"
    REPLACE = "replace"
    SWAP = "swap"


_ANEW = (Change.REPLACE, Change.SWAP)


def find_changes(world: World, handlers: Handlers) -> dict[ObjectKey, Change]:
    """The changes by key. ``world.fresh`` and ``world.swapped`` are filled on the way.

    Raises ``Refused`` for a difference that no statement makes, or none without losing data.
    """
    return _Finder(world, handlers).find()


class _Finder:
    def __init__(self, world: World, handlers: Handlers) -> None:
        self._world = world
        self._handlers = handlers
        self._changes: dict[ObjectKey, Change] = {}
        self._queue: deque[ObjectKey] = deque()

    def find(self) -> dict[ObjectKey, Change]:
        olds, news = self._world.old.objects, self._world.new.objects
        for key, old in olds.items():
            new = news.get(key)
            if new is None:
                self._set(key, Change.DROP, old)
            elif old is not new:
                self._compare(old, new)
        for key, new in news.items():
            if key not in olds:
                self._set(key, Change.CREATE, new)
        while self._queue:
            self._spread(self._queue.popleft())
        return self._changes

    def _handler(self, found: SchemaObject) -> Handler:
        try:
            return self._handlers[found.kind]
        except Refused as error:
            raise Refused(f"{error.message}: {found.identity}", hint=error.hint) from None

    def _set(self, key: ObjectKey, change: Change, found: SchemaObject) -> None:
        self._handler(found)
        self._changes[key] = change
        self._queue.append(key)
        if change is not Change.DROP and change is not Change.ALTER:
            self._world.fresh.add(key)
        if change is Change.SWAP:
            self._world.swapped.add(key)
        self._take_parent_along(key, anew=change in _ANEW)

    def _take_parent_along(self, key: ObjectKey, *, anew: bool) -> None:
        old, new = self._world.old.get(key), self._world.new.get(key)
        part = old or new
        assert part is not None
        if part.parent is None or self._changes.get(part.parent) in _ANEW:
            return
        parents = self._world.old.get(part.parent), self._world.new.get(part.parent)
        if parents[0] is None or parents[1] is None:
            return
        if (way := self._handler(part).parent_way(old, new, self._world, anew=anew)) is not None:
            self._anew(parents[0], parents[1], way, f"its {part.kind} {part.identity!r} cannot be changed alone")

    def _compare(self, old: SchemaObject, new: SchemaObject) -> None:
        if self._changes.get(old.key) in _ANEW:
            return
        if old.parent != new.parent or not same_properties(old, new):
            way = self._handler(old).alter(old, new, self._world) if old.parent == new.parent else Way.REPLACE
            if isinstance(way, Way):
                self._anew(old, new, way, "no statement changes it in place")
                return
            self._set(old.key, Change.ALTER, old)
        elif attributes.differ(old, new, self._world):
            self._set(old.key, Change.ALTER, old)

    def _anew(self, old: SchemaObject, new: SchemaObject, way: Way, reason: str) -> None:
        self._handler(old).check_replace(old, new, reason, self._world)
        self._set(old.key, Change.SWAP if way is Way.SWAP else Change.REPLACE, old)

    def _spread(self, key: ObjectKey) -> None:
        change = self._changes[key]
        old, new = self._world.old.get(key), self._world.new.get(key)
        if old is None:
            return
        dependents = self._world.old.dependents(key)
        if new is None:
            for each in dependents:
                if self._stays(each) and self._outlives(each, key):
                    way = self._handler(each).on_replace(each, old, self._world)
                    self._react(each, way, f"it needs the {old.kind} {old.identity!r}, which is dropped")
        elif change is Change.ALTER:
            handler = self._handler(old)
            for each in (*dependents, *self._world.old.children(key)):
                if self._stays(each) and handler.blocks(old, new, each, self._world):
                    self._react(each, Way.REPLACE, f"the {old.kind} {old.identity!r} cannot change while it is there")
        elif change is Change.REPLACE:
            for each in (*dependents, *self._world.old.children(key)):
                if self._stays(each):
                    way = self._handler(each).on_replace(each, old, self._world)
                    self._react(each, way, f"it needs the {old.kind} {old.identity!r}, which is made anew")
        elif change is Change.SWAP:
            parts = self._world.old.children(key)
            for each in dependents:
                if self._stays(each) and each not in parts:
                    way = self._handler(each).on_swap(each, old, self._world)
                    self._react(each, way, f"it needs the {old.kind} {old.identity!r}, which is made anew")
            for each in parts:
                if self._stays(each):
                    self._react(each, Way.REPLACE, f"it is a part of {old.identity!r}, which is made anew")

    def _outlives(self, old: SchemaObject, gone: ObjectKey) -> bool:
        """Whether it stays as it is although what it needs goes: a view that groups by a key, of another name now."""
        new = self._world.new.objects[old.key]
        return gone not in new.needs and same_properties(old, new)

    def _stays(self, old: SchemaObject) -> bool:
        return old.key in self._world.new.objects and self._changes.get(old.key) not in _ANEW

    def _react(self, old: SchemaObject, way: Way | None, reason: str) -> None:
        new = self._world.new.objects[old.key]
        if way is None:
            if old.key not in self._changes:
                self._set(old.key, Change.ALTER, old)
            else:
                self._queue.append(old.key)  # it changes in more than was known: ask again what that blocks
        else:
            self._anew(old, new, way, reason)
