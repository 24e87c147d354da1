"""Two schemas side by side: what is gone, what is new, and what belongs to what."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TypeAlias

from confiture.model import ObjectKey, Schema, SchemaObject
from confiture.quoting import quote_ident
from confiture_catalog.renames.identity import parts, relative

__all__ = ["ENUM_VALUE", "Objects", "World", "enum_values"]

#: Objects by kind and identity; an ObjectKey is such a pair.
Objects: TypeAlias = dict[tuple[str, str], SchemaObject]

ENUM_VALUE = "enum value"
_WHOLES = ("table", "foreign table", "view", "materialized view", "enum", "composite type", "domain")


class World:
    """``removed`` and ``added`` hold, by kind, what has its name on one side only, less what a drop settles."""

    def __init__(self, old: Schema, new: Schema, drops: Sequence[str] = ()) -> None:
        self.old: Objects = {(each.kind, each.identity): each for each in old.objects}
        self.new: Objects = {(each.kind, each.identity): each for each in new.objects}
        gone = [self.old[key] for key in sorted(self.old.keys() - self.new.keys())]
        come = [self.new[key] for key in sorted(self.new.keys() - self.old.keys())]
        for ours in _enums(old.objects):
            theirs = self.new.get(ours.key)
            if theirs is None or ours.properties.get("labels") == theirs.properties.get("labels"):
                continue
            before, after = enum_values(ours), enum_values(theirs)
            gone += [each for label, each in before.items() if label not in after]
            come += [each for label, each in after.items() if label not in before]
        patterns = _widened(drops, self.old) if drops else ()
        self.removed = _by_kind(each for each in gone if not _is_dropped(each, patterns))
        self.added = _by_kind(come)

    def same_parent(self, each: SchemaObject) -> bool:
        """Whether what it is a part of has its name on both sides."""
        return each.parent is not None and each.parent in self.old and each.parent in self.new

    @cached_property
    def old_parts(self) -> Mapping[ObjectKey, list[SchemaObject]]:
        """What each object of the old side consists of."""
        return _parts(self.old)

    @cached_property
    def new_parts(self) -> Mapping[ObjectKey, list[SchemaObject]]:
        """What each object of the new side consists of."""
        return _parts(self.new)


def enum_values(enum: SchemaObject) -> dict[str, SchemaObject]:
    """An enum's labels as objects, in their order."""
    labels = enum.properties.get("labels") or ()
    assert isinstance(labels, tuple)
    return {
        label: SchemaObject(
            kind=ENUM_VALUE,
            identity=f"{enum.identity}.{quote_ident(label)}",
            schema=enum.schema,
            name=label,
            parent=enum.key,
            properties={},
            position=position,
        )
        for position, label in enumerate(labels, 1)
        if label is not None
    }


def _enums(objects: Sequence[SchemaObject]) -> Sequence[SchemaObject]:
    """They stand together, as objects are sorted by kind."""
    first = bisect_left(objects, "enum", key=lambda each: each.kind)
    return objects[first : bisect_right(objects, "enum", key=lambda each: each.kind)]


def _by_kind(objects: Iterable[SchemaObject]) -> Mapping[str, list[SchemaObject]]:
    found: dict[str, list[SchemaObject]] = defaultdict(list)
    for each in objects:
        found[each.kind].append(each)
    return found


def _parts(objects: Objects) -> Mapping[ObjectKey, list[SchemaObject]]:
    found: dict[ObjectKey, list[SchemaObject]] = defaultdict(list)
    for each in objects.values():
        if each.parent is not None:
            found[each.parent].append(each)
    return found


def _widened(drops: Sequence[str], old: Objects) -> list[str]:
    """The patterns; for a part of what is not there the part alone too: an earlier round has renamed the whole."""
    wholes = {name for kind, identity in old for name in (identity, relative(identity)) if kind in _WHOLES}
    found = list(drops)
    for pattern in drops:
        *whole, part = parts(pattern)[0]
        named = ".".join(whole)
        if whole and not set("*?[") & set(named) and named not in wholes and ("schema", named) not in old:
            found.append(f"*.{part}")
    return found


def _is_dropped(each: SchemaObject, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in _names(each))


def _names(each: SchemaObject) -> Iterator[str]:
    """How a person may write an object's name: with its schema or without, a routine with its arguments or not."""
    for identity in (each.identity, relative(each.identity) if each.schema is not None else each.identity):
        yield identity
        names, rest = parts(identity)
        if rest:
            yield ".".join(names)
    if each.kind == ENUM_VALUE and each.parent is not None:
        for enum in (each.parent.identity, relative(each.parent.identity)):
            yield f"{enum}.{each.name}"
            yield f"{enum}.'{each.name}'"
