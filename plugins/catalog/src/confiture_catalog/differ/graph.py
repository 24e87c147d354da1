"""The nodes of a plan, and an order in which they can run.

A node is what happens to one object. Most parts of a new table are made by its CREATE TABLE, and go with its DROP
TABLE: their nodes are folded into it. Where that closes a circle (two tables that refer to each other), those in the
circle are unfolded into statements of their own.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from confiture.errors import Refused
from confiture_catalog.differ.handler import Ref

__all__ = ["Edge", "Graph", "order"]


class Edge(NamedTuple):
    """``first`` runs before ``then``. A weak one gives way where there is a circle."""

    first: Ref
    then: Ref
    weak: bool = False


#: What nodes are sorted by where edges leave the choice.
Priority: TypeAlias = tuple[Any, ...]


class Graph:
    """Nodes, edges, and which node is folded into which."""

    def __init__(self) -> None:
        self.nodes: dict[Ref, Priority] = {}
        self.edges: list[Edge] = []
        self.folds: dict[Ref, Ref] = {}
        #: Folded nodes that may be unfolded.
        self.unfoldable: set[Ref] = set()

    def root(self, ref: Ref) -> Ref:
        """The node whose statement does what this node is for."""
        while ref in self.folds:
            ref = self.folds[ref]
        return ref

    def add_edge(self, first: Ref, then: Ref, *, weak: bool = False) -> None:
        """An edge, where both nodes exist."""
        if first != then and first in self.nodes and then in self.nodes:
            self.edges.append(Edge(first, then, weak))


def order(graph: Graph) -> list[Ref]:
    """The roots, in order; nodes that stood in a circle are unfolded in ``graph``. Raises ``Refused`` for a circle."""
    while True:
        found, left = _sort(graph)
        if not left:
            return found
        circle = _circle(graph, left)
        if unfolded := {ref for edge in circle for ref in edge[:2] if ref in graph.folds and ref in graph.unfoldable}:
            for ref in unfolded:
                del graph.folds[ref]
        elif any(edge.weak for edge in circle):
            gone = {edge for edge in circle if edge.weak}
            graph.edges = [edge for edge in graph.edges if edge not in gone]
        else:
            names = ", ".join(
                dict.fromkeys(f"{e.first.op.value} {e.first.key.kind} {e.first.key.identity}" for e in circle)
            )
            raise Refused(
                f"the changes need each other in a circle: {names}",
                hint="make one of them in a migration of its own first",
            )


def _sort(graph: Graph) -> tuple[list[Ref], list[Edge]]:
    """Kahn's algorithm, the smallest priority first: the order, and the edges among the nodes that are left."""
    roots = {ref: graph.root(ref) for ref in graph.nodes}
    after: dict[Ref, list[Ref]] = defaultdict(list)
    waiting: dict[Ref, int] = defaultdict(int)
    for edge in graph.edges:
        first, then = roots[edge.first], roots[edge.then]
        if first != then:
            after[first].append(then)
            waiting[then] += 1
    ready = [(graph.nodes[ref], ref) for ref in graph.nodes if roots[ref] == ref and not waiting[ref]]
    heapq.heapify(ready)
    found: list[Ref] = []
    while ready:
        _, ref = heapq.heappop(ready)
        found.append(ref)
        for then in after.get(ref, ()):
            waiting[then] -= 1
            if not waiting[then]:
                heapq.heappush(ready, (graph.nodes[then], then))
    done = set(found)
    left = [
        edge
        for edge in graph.edges
        if roots[edge.first] not in done and roots[edge.then] not in done and roots[edge.first] != roots[edge.then]
    ]
    return found, left


def _circle(graph: Graph, left: Sequence[Edge]) -> list[Edge]:
    """The edges of one circle among those of the nodes that are left; there is one, else nothing would be left."""
    before: dict[Ref, Edge] = {}
    for edge in left:
        before.setdefault(graph.root(edge.then), edge)
    # Every node that is left waits for another one that is left: going back must come to where one has been.
    ref = next(iter(before))
    walked: dict[Ref, int] = {}
    path: list[Edge] = []
    while ref not in walked:
        walked[ref] = len(path)
        path.append(before[ref])
        ref = graph.root(before[ref].first)
    return path[walked[ref] :]
