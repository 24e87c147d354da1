"""The edges that keep what is given in order: history of an object, barriers, extensions first."""

from __future__ import annotations

from collections import defaultdict

from confiture.sql.dependencies.extract import LIGHT_KINDS
from confiture.sql.dependencies.facts import Name, Strength
from confiture.sql.dependencies.graph import Graph
from confiture.sql.dependencies.known import BUILTIN_TYPES, EXTENSION_NAMES

__all__ = ["add_barriers", "add_extensions", "add_history"]

#: Kinds of names whose statements keep their order where they act on one object.
_WITH_HISTORY = frozenset({"relation", "type", "function", "operator", "collation"})


def add_history(graph: Graph) -> None:
    """Statements that act on one object keep the order they are given in."""
    heavy: dict[Name, int] = {}
    light: dict[Name, int] = {}
    since: dict[Name, list[int]] = defaultdict(list)
    gone: set[Name] = set()
    for index, facts in enumerate(graph.facts):
        acts: set[Name] = set()
        drops: set[Name] = set()
        for names, into in ((facts.defines, acts), (facts.changes, acts), (facts.drops, drops)):
            for name in names:
                if name.space in _WITH_HISTORY or names is facts.drops:
                    found = graph.definers_of(name, facts.path)
                    into.add(found[0] if found else graph.full_name(name, facts.path))
        for name in facts.changes:
            if name.space not in _WITH_HISTORY:  # GRANT and REVOKE on a schema; what lies in it does not mind
                if name in light:
                    graph.add(light[name], index, Strength.HISTORY, None)
                light[name] = index
        uses = {name for _, name in graph.resolved[index] if name.space in _WITH_HISTORY or name in gone}
        is_light = graph.statements[index].kind in LIGHT_KINDS
        own = {graph.full_name(name, facts.path) for name in facts.defines} if is_light else set()
        for name in (acts | drops) if not is_light else (own & acts):
            strength = Strength.NEEDED if name in drops or name in gone else Strength.HISTORY
            for before in (*since.pop(name, ()), *((heavy[name],) if name in heavy else ())):
                graph.add(before, index, strength, None)
            heavy[name] = index
            light.pop(name, None)
            gone.discard(name)
            if name in drops:
                gone.add(name)
        for name in (uses | (acts if is_light else set())) - (own if is_light else acts | drops):
            strength = Strength.NEEDED if name in gone else Strength.HISTORY
            if name in heavy:
                graph.add(heavy[name], index, strength, None)
            if is_light and name in acts:
                if name in light:
                    graph.add(light[name], index, Strength.HISTORY, None)
                light[name] = index
            since[name].append(index)


def add_barriers(graph: Graph) -> None:
    """What runs code that may look at anything keeps its place among the others."""
    last: int | None = None
    since: list[int] = []
    for index, facts in enumerate(graph.facts):
        if graph.settings[index]:
            continue
        if last is not None:
            graph.add(last, index, Strength.BARRIER, None)
        if facts.barrier:
            for before in since:
                graph.add(before, index, Strength.BARRIER, None)
            since, last = [], index
        else:
            since.append(index)


def add_extensions(graph: Graph) -> None:
    """Extensions come first: what they hold cannot be known, only that nobody else makes it."""
    extensions = [index for index, facts in enumerate(graph.facts)
                  if any(name.space == "extension" for name in facts.defines)]  # fmt: skip
    if not extensions:
        return
    for index, facts in enumerate(graph.facts):
        if facts.early or graph.settings[index]:
            continue
        strength = Strength.NEEDED if _names_a_stranger(graph, index) else Strength.LIKELY
        for extension in extensions:
            graph.add(extension, index, strength, graph.facts[extension].defines[0])


def _names_a_stranger(graph: Graph, index: int) -> bool:
    """Whether the statement names a type or function that neither PostgreSQL nor the plan has."""
    known = {need.name for need, _ in graph.resolved[index]}
    for need in graph.facts[index].needs:
        if need.name in known or need.strength != Strength.NEEDED:
            continue
        space, name = need.name.space, need.name.name
        if space == "type" and name not in BUILTIN_TYPES:
            return True
        if space == "function" and (name in EXTENSION_NAMES or name.startswith("st_")):
            return True
        if space == "operator class" and name in EXTENSION_NAMES:
            return True
    return False
