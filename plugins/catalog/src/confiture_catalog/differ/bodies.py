"""What runs while the plan does: functions whose bodies are strings, of which PostgreSQL records no needs.

An index over an expression, a check that is added to a table with rows, or a materialized view calls functions at
its creation. What the words of their bodies may name comes before, unless that closes a circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from confiture.model import ObjectKey, SchemaObject
from confiture.sql.dependencies.bodies import words
from confiture_catalog.differ.graph import Graph
from confiture_catalog.differ.handler import Op, Ref
from confiture_catalog.differ.world import World

__all__ = ["connect_bodies"]

_ROUTINES = frozenset({"function", "procedure", "aggregate"})
#: What a body may name.
_NAMED = _ROUTINES | {"table", "foreign table", "view", "materialized view", "sequence", "enum", "domain"}
_RUN = frozenset({"index", "materialized view"})
#: These run only where there are rows already.
_RUN_ON_ROWS = frozenset({"column", "default", "constraint", "domain constraint"})
_DONE = (Op.CREATE, Op.ALTER)


def connect_bodies(graph: Graph, world: World) -> None:
    """Weak edges from what bodies name to what runs them."""
    running = [ref for ref in graph.nodes if ref.op is Op.CREATE and _runs(world.new.objects[ref.key], world)]
    if not running:
        return
    named: dict[str, list[Ref]] = defaultdict(list)
    for ref in graph.nodes:
        if ref.op in _DONE and ref.key.kind in _NAMED:
            named[world.new.objects[ref.key].name].append(ref)
    reader = _Reader(world)
    for ref in running:
        for name in reader.names(ref.key):
            for other in named.get(name, ()):
                graph.add_edge(other, ref, weak=True)


def _runs(new: SchemaObject, world: World) -> bool:
    if new.kind in _RUN:
        return True
    if new.kind not in _RUN_ON_ROWS:
        return False
    whole = new
    while whole.parent is not None and (parent := world.new.get(whole.parent)) is not None:
        whole = parent
    return not world.is_fresh(whole.key)


class _Reader:
    """Follows needs and bodies. A body is read once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._words: dict[ObjectKey, frozenset[str]] = {}
        self._routines: dict[str, list[SchemaObject]] = defaultdict(list)
        for each in world.new.objects.values():
            if each.kind in _ROUTINES:
                self._routines[each.name].append(each)

    def names(self, key: ObjectKey) -> set[str]:
        """All words of the bodies that making the object may run."""
        found: set[str] = set()
        seen = {key}
        waiting = [key]
        while waiting:
            subject = self._world.new.get(waiting.pop())
            if subject is None:
                continue
            said = self._of(subject)
            found |= said
            for other in self._following(subject, said):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return found

    def _following(self, subject: SchemaObject, said: Iterable[str]) -> Iterator[ObjectKey]:
        for need in subject.needs:
            if need.kind in _ROUTINES or need.kind in ("view", "operator", "cast"):
                yield need
        for word in said:
            for routine in self._routines.get(word, ()):
                yield routine.key

    def _of(self, subject: SchemaObject) -> frozenset[str]:
        if subject.kind not in _ROUTINES or subject.properties.get("sql_body"):
            return frozenset()
        if subject.key not in self._words:
            self._words[subject.key] = frozenset(words(str(subject.properties.get("source") or "")))
        return self._words[subject.key]
