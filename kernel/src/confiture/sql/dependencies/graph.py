"""The statements of a plan as a graph: which one must come before which, how strongly, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from confiture.model import Plan, Statement
from confiture.sql.dependencies.context import Context, contexts, search_path
from confiture.sql.dependencies.extract import LIGHT_KINDS, facts_of
from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.dependencies.known import BUILTIN_TYPES, EXTENSION_NAMES
from confiture.sql.grammar import parse, unwrap

__all__ = ["Edge", "Graph", "build_graph"]

#: Objects that lie in no schema.
_NO_SCHEMA = frozenset(
    {"schema", "role", "extension", "publication", "event trigger", "server", "wrapper", "language", "user mapping",
     "cast", "subscription", "access method"}
)  # fmt: skip
#: Kinds of names whose statements keep their order where they act on one object.
_WITH_HISTORY = frozenset({"relation", "type", "function", "operator", "collation"})


class Edge(msgspec.Struct):
    """``before`` must run before ``after``. ``name`` is what the one has from the other, None for mere order.

    ``foreign_key``: only FOREIGN KEYs inside CREATE TABLE ask for it.
    """

    before: int
    after: int
    strength: Strength
    name: Name | None
    foreign_key: bool = False


class Graph:
    """The facts of a plan's statements and the edges between them. Settings have no facts: they are context."""

    def __init__(self, statements: list[Statement]) -> None:
        self.statements = statements
        self.contexts: list[Context]
        self.settings: list[bool]
        self.contexts, self.settings = contexts(statements)
        self.facts: list[Facts] = []
        self.definers: dict[Name, list[int]] = defaultdict(list)
        self.edges: dict[tuple[int, int], Edge] = {}
        #: For each statement the names that it needs and that some statement of the plan defines.
        self.resolved: list[list[tuple[Need, Name]]] = []

    def definers_of(self, name: Name, path: tuple[str, ...]) -> tuple[Name, list[int]] | None:
        """The full name and the statements that define it, looked up along the path; None where none does."""
        for space in ("type", "relation") if name.space == "type" else (name.space,):
            if name.schema or space in _NO_SCHEMA:
                full = Name(space, name.schema, name.name)
                if found := self.definers.get(full):
                    return full, found
                continue
            for schema in ("pg_temp", *path):
                full = Name(space, schema, name.name)
                if found := self.definers.get(full):
                    return full, found
        return None

    def full_name(self, name: Name, path: tuple[str, ...]) -> Name:
        """The name of something that is created: without a schema it goes into the first of the path."""
        if name.schema or name.space in _NO_SCHEMA or not path:
            return name
        return name._replace(schema=path[0])

    def add(self, before: int, after: int, strength: Strength, name: Name | None, foreign_key: bool = False) -> None:
        """Add an edge, or make the one that is there as strong."""
        if before == after:
            return
        edge = self.edges.get((before, after))
        if edge is None:
            self.edges[before, after] = Edge(before, after, strength, name, foreign_key)
            return
        if strength == edge.strength:
            edge.foreign_key &= foreign_key
        if strength > edge.strength:
            edge.strength, edge.foreign_key = strength, foreign_key
            edge.name = name or edge.name
        edge.name = edge.name or name


def build_graph(plan: Plan, like: Mapping[int, int] | None = None) -> Graph:
    """The graph of a plan whose statements :func:`confiture.sql.read_script` has read.

    ``like`` maps a statement to the one whose settings it shares, where these are not those of its place.
    """
    graph = Graph(list(plan.statements))
    for index, other in (like or {}).items():
        graph.contexts[index] = graph.contexts[other]
    paths: dict[str, tuple[str, ...]] = {}
    nodes = _parse_all(graph.statements)
    for index, statement in enumerate(graph.statements):
        if graph.settings[index]:
            graph.facts.append(Facts())
            continue
        context = graph.contexts[index]
        setting = context["search_path"].sql if "search_path" in context else ""
        path = paths.get(setting)
        if path is None:
            path = paths[setting] = search_path(context)
        facts = facts_of(statement.kind, nodes[index], path, not _is_off(context))
        facts.barrier = facts.barrier or (statement.session and not graph.settings[index])
        graph.facts.append(facts)
        for name in facts.defines:
            graph.definers[graph.full_name(name, path)].append(index)
    _resolve(graph)
    _history(graph)
    _barriers(graph)
    _extensions(graph)
    return graph


def _parse_all(statements: Sequence[Statement]) -> list[Any]:
    """The statements' nodes, parsed in one go: a call for each takes twice as long."""
    # The line end keeps a comment at a statement's end from swallowing the semicolon.
    tree = parse("\n;\n".join(statement.sql for statement in statements))
    if len(tree.stmts) != len(statements):
        return [unwrap(parse(statement.sql).stmts[0].stmt) for statement in statements]
    return [unwrap(raw.stmt) for raw in tree.stmts]


def _is_off(context: Context) -> bool:
    """Whether ``check_function_bodies`` is off, so that bodies are not resolved when a function is made."""
    statement = context.get("check_function_bodies")
    if statement is None:
        return False
    words = statement.sql.lower().replace("'", " ").replace("=", " ").replace(",", " ").split()
    return any(word in ("off", "false", "no", "0") for word in words)


def _resolve(graph: Graph) -> None:
    late = _late_bodies(graph)
    foreign: dict[Name, set[Name]] = defaultdict(set)  # a table to those that its foreign keys look up
    for index, facts in enumerate(graph.facts):
        resolved: list[tuple[Need, Name]] = []
        added = False
        relations: list[Name] = []
        for need in facts.needs:
            found = graph.definers_of(need.name, facts.path)
            if found is None:
                continue
            name, definers = found
            resolved.append((need, name))
            if name.space == "relation":
                relations.append(name)
            _need(graph, index, need, name, definers)
            if name.space == "primary key" or name.space == "unique key":
                added = True
        for change in facts.changes:
            found = graph.definers_of(change, facts.path)
            if found and found[0].space == "relation":
                relations.append(found[0])
        for relation in relations:
            for column in facts.columns:
                name = Name("column", relation.schema, f"{relation.name}.{column}")
                for definer in graph.definers.get(name, ()):
                    graph.add(definer, index, Strength.NEEDED, name)
        if added or any(need.name.space.endswith(" key") for need in facts.needs):
            for table in _own_tables(graph, index):
                foreign[table] |= {name for need, name in resolved if name.space == "relation" and name != table}
        graph.resolved.append(resolved)
        if facts.calls or facts.barrier:
            _runs(graph, index, late)
    for index, facts in enumerate(graph.facts):
        for name in facts.defines:
            if name.space == "rows":
                table = graph.full_name(name, facts.path)._replace(space="relation")
                for parent in foreign.get(table, ()):
                    rows = graph.definers.get(parent._replace(space="rows"))
                    if rows:
                        graph.add(rows[-1], index, Strength.LIKELY, parent._replace(space="rows"))


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


def _late_bodies(graph: Graph) -> dict[str, list[tuple[Name, int]]]:
    """Every relation and function of the plan by its bare name, for the words of a PL/pgSQL body."""
    bare: dict[str, list[tuple[Name, int]]] = defaultdict(list)
    for name, definers in graph.definers.items():
        if name.space in ("relation", "function"):
            bare[name.name].append((name, definers[0]))
    return bare


def _runs(graph: Graph, index: int, bare: dict[str, list[tuple[Name, int]]]) -> None:
    """What a statement that runs code probably needs: all that the bodies name, of the functions it calls too."""
    facts = graph.facts[index]
    seen: set[int] = set()
    words = set(facts.late)
    queue = [definer for _, name in graph.resolved[index] if name.space == "function"
             for definer in graph.definers[name]]  # fmt: skip
    while queue or words:
        for word in words:
            for name, definer in bare.get(word, ()):
                graph.add(definer, index, Strength.LIKELY, name)
                queue.append(definer)
        words = set()
        pending, queue = queue, []
        for definer in pending:
            if definer not in seen:
                seen.add(definer)
                words |= graph.facts[definer].late


def _history(graph: Graph) -> None:
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


def _barriers(graph: Graph) -> None:
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


def _extensions(graph: Graph) -> None:
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
        space, _, name = need.name
        if space == "type" and name not in BUILTIN_TYPES:
            return True
        if space == "function" and (name in EXTENSION_NAMES or name.startswith("st_")):
            return True
        if space == "operator class" and name in EXTENSION_NAMES:
            return True
    return False
