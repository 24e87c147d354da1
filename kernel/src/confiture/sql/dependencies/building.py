"""From a plan to its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from confiture.model import Plan, Statement
from confiture.sql.dependencies.context import Context, search_path
from confiture.sql.dependencies.extract import facts_of
from confiture.sql.dependencies.facts import Facts
from confiture.sql.dependencies.graph import Graph
from confiture.sql.dependencies.history import add_barriers, add_extensions, add_history
from confiture.sql.dependencies.resolve import resolve
from confiture.sql.grammar import parse, unwrap
from confiture.sql.recent import TREES, Recent

__all__ = ["build_graph"]

#: The facts of the statements read last, under a search path and ``check_function_bodies``. Nobody changes them.
_FACTS: Recent[Facts] = Recent()
#: Statements parsed at once: a call for each takes a fifth longer, and one for all as well.
_AT_ONCE = 100


def build_graph(plan: Plan, like: Mapping[int, int] | None = None) -> Graph:
    """The graph of a plan whose statements :func:`confiture.sql.read_script` has read.

    ``like`` maps a statement to the one whose settings it shares, where these are not those of its place.
    """
    graph = Graph(list(plan.statements))
    for index, other in (like or {}).items():
        graph.contexts[index] = graph.contexts[other]
    for index, facts in enumerate(_all_facts(graph)):
        graph.facts.append(facts)
        graph.define(index, facts)
    resolve(graph)
    add_history(graph)
    add_barriers(graph)
    add_extensions(graph)
    return graph


def _all_facts(graph: Graph) -> list[Facts]:
    settings = Facts()
    result: list[Facts] = []
    unknown: list[int] = []
    unders = list(_unders(graph))
    for index, statement in enumerate(graph.statements):
        facts = settings if graph.settings[index] else _FACTS.get(statement.sql, unders[index])
        if facts is None:
            unknown.append(index)
        result.append(facts or settings)
    nodes = _nodes([graph.statements[index] for index in unknown])
    for index, node in zip(unknown, nodes, strict=True):
        statement, (path, checked) = graph.statements[index], unders[index]
        facts = facts_of(statement.kind, node, path, checked)
        _FACTS.put(statement.sql, facts, unders[index])
        result[index] = facts
    for index, statement in enumerate(graph.statements):
        if statement.session and not graph.settings[index] and not result[index].barrier:
            result[index] = msgspec.structs.replace(result[index], barrier=True)
    return result


def _unders(graph: Graph) -> Iterator[tuple[tuple[str, ...], bool]]:
    """What the facts of each statement depend on: the search path, and whether bodies are checked."""
    context: Context | None = None
    under: tuple[tuple[str, ...], bool] = ((), True)
    for wanted in graph.contexts:
        if wanted is not context:  # statements share theirs until a setting changes it
            context = wanted
            under = (search_path(wanted), not _is_off(wanted))
        yield under


def _nodes(statements: Sequence[Statement]) -> list[Any]:
    """The statements' nodes: those that reading them has left, the others parsed again, many at once."""
    nodes = [TREES.get(statement.sql) for statement in statements]
    unknown = [index for index, node in enumerate(nodes) if node is None]
    for first in range(0, len(unknown), _AT_ONCE):
        part = unknown[first : first + _AT_ONCE]
        for index, node in zip(part, _parse_all([statements[index] for index in part]), strict=True):
            nodes[index] = node
    return nodes


def _parse_all(statements: Sequence[Statement]) -> list[Any]:
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
