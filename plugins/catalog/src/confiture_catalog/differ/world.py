"""What a plan is made from: both schemas, indexed, and the options. Handlers read it; nobody changes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from fnmatch import fnmatchcase

from confiture.model import DiffOptions, ObjectKey, Schema, SchemaObject

__all__ = ["Side", "World"]


class Side:
    """One schema, by key, by parent, and by what is needed."""

    def __init__(self, schema: Schema, objects: Iterable[SchemaObject]) -> None:
        self.schema = schema
        self.objects: dict[ObjectKey, SchemaObject] = {each.key: each for each in objects}
        self._children: dict[ObjectKey, list[SchemaObject]] = defaultdict(list)
        self._dependents: dict[ObjectKey, list[SchemaObject]] = defaultdict(list)
        for each in self.objects.values():
            if each.parent is not None:
                self._children[each.parent].append(each)
            for need in each.needs:
                self._dependents[need].append(each)

    def get(self, key: ObjectKey | None) -> SchemaObject | None:
        """The object of that key, if there is one."""
        return self.objects.get(key) if key is not None else None

    def find(self, kind: str, identity: object) -> SchemaObject | None:
        """The object of that kind and identity, if there is one."""
        return self.objects.get(ObjectKey(kind, str(identity)))

    def children(self, key: ObjectKey, *kinds: str) -> list[SchemaObject]:
        """The parts of an object, those of one of ``kinds`` where given; in order of position, then of identity."""
        found = [each for each in self._children.get(key, ()) if not kinds or each.kind in kinds]
        return sorted(found, key=lambda each: (each.position or 0, each.kind, each.identity))

    def dependents(self, key: ObjectKey) -> list[SchemaObject]:
        """What needs the object itself; for what needs a part of it, ask for the part."""
        return self._dependents.get(key, [])


class World:
    """Both sides. ``reversed`` is the same seen from the other end, for what takes a statement back.

    ``fresh`` are the keys that the plan itself makes (created or replaced): nobody uses them yet, so what is done
    to them needs no online form. ``swapped`` are the types that are made anew beside the old one.
    """

    def __init__(self, old: Schema, new: Schema, options: DiffOptions) -> None:
        named = options.target_version >= 18 and all(
            schema.server_version >= (18,) or not schema.server_version for schema in (old, new)
        )
        self.old = Side(old, _comparable(old, named=named))
        self.new = Side(new, _comparable(new, named=named))
        self.options = options
        #: NOT NULL constraints are objects with names: PostgreSQL 18 on both sides and where the plan will run.
        self.named_not_null = named
        self.fresh: set[ObjectKey] = set()
        self.swapped: set[ObjectKey] = set()

    @property
    def online(self) -> bool:
        """Whether existing tables stay in use."""
        return self.options.online

    def reversed(self) -> World:
        """From new to old."""
        return World(self.new.schema, self.old.schema, self.options)

    def is_fresh(self, key: ObjectKey | None) -> bool:
        """Whether the plan itself makes it, or what it is a part of."""
        seen: Set[ObjectKey] = self.fresh
        found = self.new.get(key) or self.old.get(key)
        return key is not None and (key in seen or (found is not None and found.parent in seen))

    def may_drop(self, identity: str) -> bool:
        """Whether somebody said that the object, and the data in it, may go."""
        bare = identity.partition(".")[2] or identity
        return any(fnmatchcase(identity, each) or fnmatchcase(bare, each) for each in self.options.drops)

    def backfill(self, identity: str) -> str | None:
        """The expression that somebody gave for the rows that are there: ``users.email`` or ``public.users.email``."""
        bare = identity.partition(".")[2] or identity
        given: Mapping[str, str] = self.options.backfills
        return given.get(identity) or given.get(bare)

    def rows(self, table: str) -> int | None:
        """The estimated rows of a table, where known."""
        sizes: Mapping[str, int] = self.options.rows
        return sizes.get(table)


def _comparable(schema: Schema, *, named: bool) -> Collection[SchemaObject]:
    """Without the names of NOT NULL constraints where one of the servers has none."""
    if named:
        return schema.objects
    kinds = ("constraint", "domain constraint")
    return [each for each in schema.objects if not (each.kind in kinds and each.properties["type"] == "not null")]
