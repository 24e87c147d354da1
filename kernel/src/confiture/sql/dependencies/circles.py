"""Circles in a graph (strongly connected components), and the edges that give way in them."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.sql.dependencies.facts import Strength
from confiture.sql.dependencies.graph import Edge, Graph

__all__ = ["circles", "loosen", "shortest_circle"]


def circles(count: int, edges: Iterable[Edge]) -> list[list[int]]:
    """The groups of more than one node that reach each other (Tarjan's algorithm, without recursion)."""
    successors: list[list[int]] = [[] for _ in range(count)]
    for edge in edges:
        successors[edge.before].append(edge.after)
    index = [-1] * count
    low = [0] * count
    on_stack = [False] * count
    stack: list[int] = []
    found: list[list[int]] = []
    counter = 0
    for root in range(count):
        if index[root] >= 0:
            continue
        work = [(root, 0)]
        while work:
            node, position = work.pop()
            if position == 0:
                index[node] = low[node] = counter
                counter += 1
                stack.append(node)
                on_stack[node] = True
            following = successors[node]
            while position < len(following):
                target = following[position]
                position += 1
                if index[target] < 0:
                    work += [(node, position), (target, 0)]
                    break
                if on_stack[target]:
                    low[node] = min(low[node], index[target])
            else:
                if low[node] == index[node]:
                    group: list[int] = []
                    while True:
                        member = stack.pop()
                        on_stack[member] = False
                        group.append(member)
                        if member == node:
                            break
                    if len(group) > 1:
                        found.append(sorted(group))
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[node])
    return found


def loosen(graph: Graph) -> list[list[int]]:
    """Take the weakest edges out of every circle until only needed ones are in any; what circles are left."""
    count = len(graph.statements)
    left = circles(count, graph.edges.values())
    for strength in (Strength.BARRIER, Strength.HISTORY, Strength.LIKELY):
        if not left:
            break
        group_of = {node: number for number, group in enumerate(left) for node in group}
        for key, edge in list(graph.edges.items()):
            group = group_of.get(edge.before)
            if edge.strength == strength and group is not None and group == group_of.get(edge.after):
                del graph.edges[key]
        left = circles(count, graph.edges.values())
    return left


def shortest_circle(graph: Graph, group: list[int]) -> list[Edge]:
    """One shortest circle within a group of nodes that reach each other."""
    members = set(group)
    outgoing: dict[int, list[Edge]] = {node: [] for node in group}
    for edge in graph.edges.values():
        if edge.before in members and edge.after in members:
            outgoing[edge.before].append(edge)
    best: list[Edge] = []
    for start in group:
        came: dict[int, Edge] = {}
        queue = [start]
        for node in queue:
            for edge in outgoing[node]:
                if edge.after == start:
                    circle = [edge]
                    while circle[0].before != start:
                        circle.insert(0, came[circle[0].before])
                    if not best or len(circle) < len(best):
                        best = circle
                elif edge.after not in came:
                    came[edge.after] = edge
                    queue.append(edge.after)
        if len(best) == 2:
            break
    return best
