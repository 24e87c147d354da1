"""Statements put in an order in which each finds what it needs.

An order that is right already stays as it is. Else the statements are sorted by what they need; the given order decides
wherever the needs do not. A statement that moves keeps the session settings that its file gives it.
"""

from __future__ import annotations

import heapq

import msgspec

from confiture.errors import DependencyError
from confiture.model import Origin, Plan, Statement
from confiture.sql.dependencies.building import build_graph
from confiture.sql.dependencies.circles import circles, loosen, shortest_circle
from confiture.sql.dependencies.context import Context, switch
from confiture.sql.dependencies.facts import Strength
from confiture.sql.dependencies.foreign_keys import take_out
from confiture.sql.dependencies.graph import Edge, Graph

__all__ = ["Because", "Moved", "Ordering", "order_statements"]

_RUN_AT_ONCE = frozenset({"CallStmt", "DoStmt", "SelectStmt"})


class Because(msgspec.Struct, frozen=True):
    """A reason for a move: what the statement needs, and where that is defined."""

    need: str
    origin: Origin | None


class Moved(msgspec.Struct, frozen=True):
    """A statement that runs later than its place in the files, and why. ``note`` says what was done to it."""

    statement: Statement
    because: tuple[Because, ...]
    note: str = ""


class Ordering(msgspec.Struct, frozen=True, kw_only=True):
    """The statements in the order in which they can run, and those that are not where the files have them."""

    statements: tuple[Statement, ...]
    moved: tuple[Moved, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is in another place than in the files."""
        return bool(self.moved)


def order_statements(plan: Plan) -> Ordering:
    """Sort the statements of a plan by what they need.

    FOREIGN KEYs inside CREATE TABLE that close a circle are added at the end. Raises ``DependencyError`` for any other
    circle, naming its statements.
    """
    graph = build_graph(plan)
    if all(edge.before < edge.after or not _counts(graph, edge) for edge in graph.edges.values()):
        return Ordering(statements=plan.statements)
    notes: dict[int, str] = {}
    like: dict[int, int] = {}
    while left := loosen(graph):
        tables = _breakable(graph, left)
        if not tables:
            raise _circle(graph, left[0])
        statements = list(plan.statements)
        for table in tables:
            statements[table], added = take_out(statements[table])
            for statement in added:
                like[len(statements)] = table
                notes[len(statements)] = "a foreign key that closes a circle is added when both tables are there"
                statements.append(statement)
        plan = msgspec.structs.replace(plan, statements=tuple(statements))
        graph = build_graph(plan, like)
    order = _sort(graph)
    return Ordering(statements=_with_settings(graph, order), moved=tuple(_moved(graph, order, notes)))


def _counts(graph: Graph, edge: Edge) -> bool:
    """Whether an edge that is not kept makes the given order wrong: a guess does only for code that runs at once."""
    if edge.strength == Strength.NEEDED:
        return True
    return edge.strength == Strength.LIKELY and graph.statements[edge.after].kind in _RUN_AT_ONCE


def _breakable(graph: Graph, groups: list[list[int]]) -> list[int]:
    """The tables whose FOREIGN KEYs are edges of a circle."""
    group_of = {node: number for number, group in enumerate(groups) for node in group}
    return sorted(
        {
            edge.after
            for edge in graph.edges.values()
            if edge.foreign_key and edge.before in group_of and group_of[edge.before] == group_of.get(edge.after)
        }
    )


def _sort(graph: Graph) -> list[int]:
    """Topological order; of those that are free to go, the first in the files goes first (Kahn's algorithm)."""
    count = len(graph.statements)
    waiting = [0] * count
    following: list[list[int]] = [[] for _ in range(count)]
    for edge in graph.edges.values():
        following[edge.before].append(edge.after)
        waiting[edge.after] += 1
    ready = [index for index in range(count) if not waiting[index] and not graph.settings[index]]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for after in following[index]:
            waiting[after] -= 1
            if not waiting[after]:
                heapq.heappush(ready, after)
    return order


def _with_settings(graph: Graph, order: list[int]) -> tuple[Statement, ...]:
    result: list[Statement] = []
    current: Context = {}
    for index in order:
        wanted = graph.contexts[index]
        if wanted is not current and wanted != current:
            result += switch(current, wanted)
        current = dict(wanted)
        result.append(graph.statements[index])
    return tuple(result)


def _moved(graph: Graph, order: list[int], notes: dict[int, str]) -> list[Moved]:
    reasons: dict[int, list[Edge]] = {}
    for edge in graph.edges.values():
        if edge.before > edge.after and edge.name is not None:
            reasons.setdefault(edge.after, []).append(edge)
    moved: list[Moved] = []
    for index in order:
        note = notes.get(index, "")
        edges = sorted(reasons.get(index, ()), key=lambda edge: (-edge.strength, edge.before))
        needed = [edge for edge in edges if edge.strength == Strength.NEEDED] or edges
        if needed or note:
            because = tuple(Because(str(edge.name), graph.statements[edge.before].origin) for edge in needed)
            moved.append(Moved(graph.statements[index], because, note))
    return moved


def _circle(graph: Graph, group: list[int]) -> DependencyError:
    needed = [edge for edge in graph.edges.values() if edge.strength == Strength.NEEDED]
    groups = [found for found in circles(len(graph.statements), needed) if set(found) & set(group)]
    circle = shortest_circle(graph, groups[0] if groups else group)
    lines = []
    for edge in circle:
        statement = graph.statements[edge.after]
        origin = statement.origin
        where = f"{origin.file}:{origin.line}: " if origin else ""
        first = statement.sql.split("\n", 1)[0][:80]
        what = str(edge.name) if edge.name else "what comes before it on the same object"
        lines.append(f"{where}{first} -- needs {what}")
    origin = graph.statements[circle[0].after].origin if circle else None
    return DependencyError(
        "these statements need each other in a circle",
        detail="\n".join(lines),
        hint="break the circle by hand: make one of them without the other, and add the rest with ALTER or CREATE OR "
        "REPLACE behind both",
        file=origin.file if origin else None,
        line=origin.line if origin else None,
        column=origin.column if origin else None,
    )
