"""The plan: changes, put in order, as statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from confiture.errors import Refused
from confiture.model import DiffOptions, ObjectKey, Plan, Schema, SchemaObject, Statement
from confiture_catalog.differ import attributes
from confiture_catalog.differ.changes import Change, find_changes
from confiture_catalog.differ.graph import Graph, order
from confiture_catalog.differ.handler import Op, Ref, Way, same_properties
from confiture_catalog.differ.kinds import Handlers, handlers
from confiture_catalog.differ.names import temporary_name
from confiture_catalog.differ.nodes import build_graph
from confiture_catalog.differ.world import World

__all__ = ["make_plan"]

T = TypeVar("T")


def make_plan(old: Schema, new: Schema, options: DiffOptions, known: Handlers | None = None) -> Plan:
    """Statements from ``old`` to ``new``, in an order that works; ``known``: not by our handlers alone.

    Raises ``Refused``.
    """
    if old.digest == new.digest:
        return Plan(statements=(), from_digest=old.digest, to_digest=new.digest)
    world, known = World(old, new, options), known or handlers()
    changes = find_changes(world, known)
    graph = build_graph(world, known, changes)
    writer = _Writer(world, known, changes, graph)
    statements = [statement for ref in order(graph) for statement in writer.write(ref)]
    if changes and not statements:
        first = next(iter(changes))
        raise Refused(
            f"{first.kind} {first.identity!r} differs, and no statement is known that changes it",
            hint="make both sides alike by hand, or leave it out with --exclude",
        )
    return Plan(statements=tuple(statements), from_digest=old.digest, to_digest=new.digest)


class _Writer:
    """Writes the statements of one node. Made before the order is known, used after: folds are final only then."""

    def __init__(self, world: World, known: Handlers, changes: Mapping[ObjectKey, Change], graph: Graph) -> None:
        self._world = world
        self._back = world.reversed()
        self._handlers = known
        self._changes = changes
        self._graph = graph
        self._parts: dict[Ref, list[SchemaObject]] | None = None

    def write(self, ref: Ref) -> Iterable[Statement]:
        """The statements of a node, with what takes each back where one statement does."""
        op, key = ref
        handler = self._handlers[key.kind]
        if op is Op.DROP:
            return self._drop(self._world.old.objects[key])
        if op is Op.CREATE:
            return self._create(ref, self._world.new.objects[key])
        if op is Op.PREPARE:
            return handler.prepare(self._world.old.objects[key], self._world.new.objects[key], self._world)
        if op is Op.LATE:
            return self._late(self._world.new.objects[key])
        if op is Op.CLEANUP:
            old = self._world.old.objects[key]
            return handler.cleanup(old, temporary_name(old), self._world)
        return self._alter(self._world.old.objects[key], self._world.new.objects[key])

    def _drop(self, old: SchemaObject) -> Iterable[Statement]:
        handler = self._handlers[old.kind]
        if self._changes[old.key] is Change.SWAP:
            return handler.move_away(old, temporary_name(old), self._world)
        statements = tuple(handler.drop(old, self._world))
        parts = [each for each in self._world.old.children(old.key) if self._is_part(each)]
        return _with_undo(statements, lambda: handler.create(old, self._back, parts))

    def _is_part(self, old: SchemaObject) -> bool:
        return self._handlers[old.kind].folds_into(old, self._back) is not None

    def _create(self, ref: Ref, new: SchemaObject) -> Iterable[Statement]:
        handler = self._handlers[new.kind]
        parts = self._parts_of(ref)
        made = _with_undo(tuple(handler.create(new, self._world, parts)), lambda: handler.drop(new, self._back))
        completed = not handler.completes_late(new)
        return (
            *made,
            *(attributes.after_create(new, self._world) if completed else ()),
            *(statement for part in parts for statement in attributes.after_create(part, self._world)),
        )

    def _late(self, new: SchemaObject) -> Iterable[Statement]:
        handler = self._handlers[new.kind]
        yield from handler.late(new, self._world)
        if handler.completes_late(new):
            yield from attributes.after_create(new, self._world)

    def _parts_of(self, ref: Ref) -> Sequence[SchemaObject]:
        if self._parts is None:
            self._parts = defaultdict(list)
            for folded in self._graph.folds:
                if folded.op is Op.CREATE:
                    self._parts[self._graph.root(folded)].append(self._world.new.objects[folded.key])
        return sorted(self._parts.get(ref, ()), key=lambda each: (each.position or 0, each.kind, each.identity))

    def _alter(self, old: SchemaObject, new: SchemaObject) -> Iterable[Statement]:
        handler = self._handlers[old.kind]
        there = handler.alter(old, new, self._world)
        if isinstance(there, Way):  # find_changes asked before: a handler need not look whether there is a difference
            assert same_properties(old, new)
            there = ()
        if any(statement.undo is None for statement in there):
            back = _unless_refused(lambda: handler.alter(new, old, self._back))
            if back is not None and not isinstance(back, Way) and len(back) == len(there):
                there = [_or_undo(one, other.sql) for one, other in zip(there, reversed(back), strict=True)]
        return (*there, *attributes.between(old, new, self._world))


def _or_undo(statement: Statement, undo: str) -> Statement:
    return statement if statement.undo is not None else msgspec.structs.replace(statement, undo=undo)


def _with_undo(statements: Sequence[Statement], back: Callable[[], Iterable[Statement]]) -> Iterable[Statement]:
    """One statement is taken back by all of ``back``; several say themselves what takes them back."""
    if len(statements) != 1 or statements[0].undo is not None:
        return statements
    undo = _unless_refused(lambda: ";\n".join(statement.sql for statement in back()))
    return (_or_undo(statements[0], undo),) if undo else statements


def _unless_refused(back: Callable[[], T]) -> T | None:
    """There may be a way there and none back: then a statement has no undo."""
    try:
        return back()
    except Refused:
        return None
