"""The edges that statements' needs make: from what defines a name to what needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.dependencies.graph import Graph
from confiture.sql.dependencies.needs import member

__all__ = ["resolve"]

_KEYS = ("primary key", "unique key")


def resolve(graph: Graph) -> None:
    """Add the edges of all needs, and fill ``graph.resolved``."""
    with_columns = _with_columns(graph)
    foreign: dict[Name, set[Name]] = defaultdict(set)  # a table to those that its foreign keys look up
    for index, facts in enumerate(graph.facts):
        resolved: list[tuple[Need, Name]] = []
        has_keys = False
        relations: list[Name] = []
        path = facts.path
        for need in facts.needs:
            if need.name.space in _KEYS:
                has_keys = True
            found = graph.definers_of(need.name, path)
            if found is None:
                continue
            name, definers = found
            resolved.append((need, name))
            if name.space == "relation":
                relations.append(name)
            _need(graph, index, need, name, definers)
        if with_columns:
            for change in facts.changes:
                found = graph.definers_of(change, path)
                if found and found[0].space == "relation":
                    relations.append(found[0])
            _columns(graph, index, [relation for relation in relations if relation in with_columns])
        if has_keys:
            for table in _own_tables(graph, index):
                foreign[table] |= {name for need, name in resolved if name.space == "relation" and name != table}
        graph.resolved.append(resolved)
        if facts.calls or facts.barrier:
            _runs(graph, index)
    if foreign:
        _rows(graph, foreign)


def _with_columns(graph: Graph) -> set[Name]:
    """The relations of which a column is defined apart. Names can have dots: every part up to one may be meant."""
    found: set[Name] = set()
    for name in graph.definers:
        if name.space == "column":
            parts = name.name.split(".")
            found.update(Name("relation", name.schema, ".".join(parts[:end])) for end in range(1, len(parts)))
    return found


def _columns(graph: Graph, index: int, relations: list[Name]) -> None:
    for relation in relations:
        for column in graph.facts[index].columns:
            name = member("column", relation, column)
            for definer in graph.definers.get(name, ()):
                graph.add(definer, index, Strength.NEEDED, name)


def _rows(graph: Graph, foreign: dict[Name, set[Name]]) -> None:
    """Rows come after those that their foreign keys look up."""
    for index, facts in enumerate(graph.facts):
        for name in facts.defines:
            if name.space == "rows":
                table = graph.full_name(name, facts.path).in_space("relation")
                for parent in foreign.get(table, ()):
                    wanted = parent.in_space("rows")
                    rows = graph.definers.get(wanted)
                    if rows:
                        graph.add(rows[-1], index, Strength.LIKELY, wanted)


def _own_tables(graph: Graph, index: int) -> Iterable[Name]:
    facts = graph.facts[index]
    for name in (*facts.defines, *facts.changes):
        if name.space == "relation":
            found = graph.definers_of(name, facts.path)
            if found:
                yield found[0]


def _need(graph: Graph, index: int, need: Need, name: Name, definers: list[int]) -> None:
    if name.space == "function" and need.arguments >= 0:
        fitting = [definer for definer in definers if _takes(graph.facts[definer], need.arguments)]
        if graph.facts[index].defines and index in fitting and len(fitting) == 1:
            return  # itself, recursively
        strength = need.strength if len(fitting) == 1 else min(need.strength, Strength.LIKELY)
        for definer in fitting:
            graph.add(definer, index, strength, name)
    elif name.space in ("attached", "owner", "rows"):
        for definer in definers:
            graph.add(definer, index, need.strength, name)
    elif index not in definers:
        # Made twice (CREATE OR REPLACE): the first will do; the order among them is kept below.
        graph.add(definers[0], index, need.strength, name, need.foreign_key)


def _takes(facts: Facts, arguments: int) -> bool:
    return facts.overloads is None or facts.overloads[0] <= arguments <= facts.overloads[1]


def _runs(graph: Graph, index: int) -> None:
    """What a statement that runs code probably needs: all that the bodies name, of the functions it calls too."""
    facts = graph.facts[index]
    seen: set[int] = set()
    words = set(facts.late)
    queue = [definer for _, name in graph.resolved[index] if name.space == "function"
             for definer in graph.definers[name]]  # fmt: skip
    while queue or words:
        for word in words:
            for name, definer in graph.bare_names.get(word, ()):
                graph.add(definer, index, Strength.LIKELY, name)
                queue.append(definer)
        words = set()
        pending, queue = queue, []
        for definer in pending:
            if definer not in seen:
                seen.add(definer)
                words |= graph.facts[definer].late
