"""The statements of a plan as a graph: which one must come before which, how strongly, and why."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

import msgspec

from confiture.model import Statement
from confiture.sql.dependencies.context import Context, contexts
from confiture.sql.dependencies.facts import Facts, Name, Need, Strength

__all__ = ["Edge", "Graph"]

#: Objects that lie in no schema.
_NO_SCHEMA = frozenset(
    {"schema", "role", "extension", "publication", "event trigger", "server", "wrapper", "language", "user mapping",
     "cast", "subscription", "access method"}
)  # fmt: skip


class Edge(msgspec.Struct, gc=False):
    """``before`` must run before ``after``. ``name`` is what the one has from the other, None for mere order.

    ``foreign_key``: only FOREIGN KEYs inside CREATE TABLE ask for it.
    """

    before: int
    after: int
    strength: Strength
    name: Name | None
    foreign_key: bool = False


class Graph:
    """The facts of a plan's statements and the edges between them. Settings have no facts: they are context.

    The graph is made in two steps: first all facts with :meth:`define`, then the edges.
    """

    def __init__(self, statements: list[Statement]) -> None:
        self.statements = statements
        self.contexts: list[Context]
        self.settings: list[bool]
        self.contexts, self.settings = contexts(statements)
        self.facts: list[Facts] = []
        self.definers: dict[Name, list[int]] = {}
        self.edges: dict[tuple[int, int], Edge] = {}
        #: For each statement the names that it needs and that some statement of the plan defines.
        self.resolved: list[list[tuple[Need, Name]]] = []
        self._own_names: set[str] = set()

    def define(self, index: int, facts: Facts) -> None:
        """Record what the statement defines."""
        for name in facts.defines:
            full = self.full_name(name, facts.path)
            known = self.definers.get(full)
            if known is None:
                self.definers[full] = [index]
                self._own_names.add(full.name)
            else:
                known.append(index)

    def definers_of(self, name: Name, path: tuple[str, ...]) -> tuple[Name, list[int]] | None:
        """The full name and the statements that define it, looked up along the path; None where none does."""
        kind, schema, own = name.space, name.schema, name.name
        if own not in self._own_names:  # built in, most of the time
            return None
        for space in ("type", "relation") if kind == "type" else (kind,):
            schemas = (schema,) if schema or space in _NO_SCHEMA else ("pg_temp", *path)
            for holder in schemas:
                full = Name(space, holder, own)
                if found := self.definers.get(full):
                    return full, found
        return None

    def full_name(self, name: Name, path: tuple[str, ...]) -> Name:
        """The name of something that is created: without a schema it goes into the first of the path."""
        if name.schema or name.space in _NO_SCHEMA or not path:
            return name
        return Name(name.space, path[0], name.name)

    @cached_property
    def bare_names(self) -> dict[str, list[tuple[Name, int]]]:
        """Every relation and function of the plan by its bare name, for the words of a PL/pgSQL body."""
        bare: dict[str, list[tuple[Name, int]]] = defaultdict(list)
        for name, definers in self.definers.items():
            if name.space in ("relation", "function"):
                bare[name.name].append((name, definers[0]))
        return bare

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
