"""From changes to nodes, edges and folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from confiture.model import ObjectKey, SchemaObject
from confiture_catalog.differ.bodies import connect_bodies
from confiture_catalog.differ.changes import Change
from confiture_catalog.differ.graph import Graph, Priority
from confiture_catalog.differ.handler import Op, Ref
from confiture_catalog.differ.kinds import Handlers
from confiture_catalog.differ.world import World

__all__ = ["build_graph"]

_OPS: Mapping[Change, tuple[Op, ...]] = {
    Change.DROP: (Op.DROP,),
    Change.CREATE: (Op.CREATE, Op.LATE),
    Change.ALTER: (Op.PREPARE, Op.ALTER),
    Change.REPLACE: (Op.DROP, Op.CREATE, Op.LATE),
    Change.SWAP: (Op.DROP, Op.CREATE, Op.LATE, Op.CLEANUP),
}
#: What is in the way goes first; what is left over goes last.
_PHASE = {Op.PREPARE: -1, Op.DROP: 0, Op.ALTER: 1, Op.CREATE: 1, Op.LATE: 1, Op.CLEANUP: 2}
#: Kinds that share PostgreSQL's namespace of relations and types: of two of one name, one must go before the other.
_RELATIONS = frozenset(
    {
        "table", "foreign table", "view", "materialized view", "index", "sequence", "composite type",
        "enum", "domain", "range type", "base type", "shell type",
    }
)  # fmt: skip
_ROUTINES = frozenset({"function", "procedure", "aggregate"})


def build_graph(world: World, handlers: Handlers, changes: Mapping[ObjectKey, Change]) -> Graph:
    """Everything that happens, and what must come before what."""
    graph = Graph()
    for key, change in changes.items():
        for op in _OPS[change]:
            subject = _subject(world, op, key)
            if op is Op.LATE and not any(True for _ in handlers[key.kind].late(subject, world)):
                continue
            if op is Op.PREPARE and not any(
                True for _ in handlers[key.kind].prepare(world.old.objects[key], subject, world)
            ):
                continue
            graph.nodes[Ref(op, key)] = _priority(handlers, world, op, subject)
    for ref in tuple(graph.nodes):
        _fold(graph, world, handlers, ref)
    for ref in tuple(graph.nodes):
        if ref.op is Op.DROP and ref.key not in world.swapped:
            for key in handlers[ref.key.kind].takes(world.old.objects[ref.key], world):
                if Ref(Op.DROP, key) in graph.nodes:
                    graph.folds[Ref(Op.DROP, key)] = ref
    for ref in tuple(graph.nodes):
        _connect(graph, world, handlers, changes, ref)
    _keep_names_apart(graph, world)
    connect_bodies(graph, world)
    return graph


def _subject(world: World, op: Op, key: ObjectKey) -> SchemaObject:
    side = world.old if op in (Op.DROP, Op.CLEANUP) else world.new
    return side.objects[key]


def _priority(handlers: Handlers, world: World, op: Op, subject: SchemaObject) -> Priority:
    rank = handlers[subject.kind].order(subject, world)
    if op in (Op.DROP, Op.CLEANUP):
        rank = -rank
    parent = subject.parent.identity if subject.parent else subject.identity
    return (_PHASE[op], rank, parent, subject.position or 0, subject.identity, subject.kind, op.value)


def _fold(graph: Graph, world: World, handlers: Handlers, ref: Ref) -> None:
    handler = handlers[ref.key.kind]
    subject = _subject(world, ref.op, ref.key)
    if ref.op is Op.CREATE:
        into = handler.folds_into(subject, world)
        wholes: tuple[Ref, ...] = () if into is None else (Ref(Op.CREATE, into),)
    elif ref.op is Op.DROP and ref.key not in world.swapped:
        wholes = tuple(Ref(Op.DROP, key) for key in handler.goes_with(subject, world) if key not in world.swapped)
    else:
        return
    for whole in wholes:
        if whole in graph.nodes and graph.root(whole) != ref:
            graph.folds[ref] = whole
            if handler.unfolds:
                graph.unfoldable.add(ref)
            return


def _connect(graph: Graph, world: World, handlers: Handlers, changes: Mapping[ObjectKey, Change], ref: Ref) -> None:
    op, key = ref
    handler = handlers[key.kind]
    subject = _subject(world, op, key)
    needs = {*subject.needs, *([subject.parent] if subject.parent else [])}
    said_after, said_before = set(handler.after(op, subject, world)), set(handler.before(op, subject, world))
    if op is Op.DROP:
        for need in needs:
            graph.add_edge(ref, Ref(Op.DROP, need))
            if Ref(Op.ALTER, need) not in said_after:
                graph.add_edge(ref, Ref(Op.ALTER, need))
        graph.add_edge(ref, Ref(Op.CREATE, key))
    elif op is Op.CREATE:
        for need in needs - set(handler.late_needs(subject)):
            graph.add_edge(Ref(Op.CREATE, need), ref)
            if Ref(Op.ALTER, need) not in said_before:
                graph.add_edge(Ref(Op.ALTER, need), ref)
        graph.add_edge(ref, Ref(Op.LATE, key))
        graph.add_edge(ref, Ref(Op.CLEANUP, key))
    elif op is Op.LATE:
        for need in needs:
            graph.add_edge(Ref(Op.CREATE, need), ref)
            graph.add_edge(Ref(Op.ALTER, need), ref)
    elif op is Op.PREPARE:
        for need in needs:
            graph.add_edge(Ref(Op.CREATE, need), ref)
        graph.add_edge(ref, Ref(Op.ALTER, key))
        for each in world.old.dependents(key):
            # A type that is made anew must be there first, and for that some of them must be gone.
            graph.add_edge(ref, Ref(Op.DROP, each.key), weak=True)
    elif op is Op.ALTER:
        for need in needs:
            graph.add_edge(Ref(Op.CREATE, need), ref)
            graph.add_edge(Ref(Op.ALTER, need), ref, weak=True)
        old = world.old.objects[key]
        for need in (*old.needs, *([old.parent] if old.parent else [])):
            graph.add_edge(ref, Ref(Op.CLEANUP if changes.get(need) is Change.SWAP else Op.DROP, need))
    elif op is Op.CLEANUP:
        for each in world.old.dependents(key):
            graph.add_edge(Ref(Op.CLEANUP, each.key), ref)
            graph.add_edge(Ref(Op.DROP, each.key), ref)
            if each.parent is not None:  # a part of another old type
                graph.add_edge(Ref(Op.CLEANUP, each.parent), ref)
    if op not in (Op.DROP, Op.CLEANUP):
        for need in needs:
            _wait_for_completion(graph, world, handlers, need, ref)
    for other in said_after:
        graph.add_edge(other, ref)
    for other in said_before:
        graph.add_edge(ref, other)


def _wait_for_completion(graph: Graph, world: World, handlers: Handlers, need: ObjectKey, ref: Ref) -> None:
    found, handler = world.new.get(need), handlers[need.kind]
    if found is not None and handler.completes_late(found) and ref.key not in set(handler.late_needs(found)):
        graph.add_edge(Ref(Op.LATE, need), ref)


def _keep_names_apart(graph: Graph, world: World) -> None:
    """What takes a name comes after what gives it up."""
    given: dict[tuple[str, str | None, str], list[Ref]] = defaultdict(list)
    for ref in graph.nodes:
        if ref.op is Op.DROP and (name := _name(world.old.objects[ref.key])):
            given[name].append(ref)
    for ref in tuple(graph.nodes):
        if ref.op is Op.CREATE and (name := _name(world.new.objects[ref.key])):
            for other in given.get(name, ()):
                graph.add_edge(other, ref)


def _name(found: SchemaObject) -> tuple[str, str | None, str] | None:
    if found.kind in _RELATIONS:
        return ("relation", found.schema, found.name)
    if found.kind in _ROUTINES:
        return ("routine", None, found.identity)
    if found.kind == "constraint" and found.properties.get("index"):
        return ("relation", found.schema, found.name)
    return None
