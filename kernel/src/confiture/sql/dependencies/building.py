"""From a plan to its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confiture.model import Plan, Statement
from confiture.sql.dependencies.context import Context, search_path
from confiture.sql.dependencies.extract import facts_of
from confiture.sql.dependencies.facts import Facts
from confiture.sql.dependencies.graph import Graph
from confiture.sql.dependencies.history import add_barriers, add_extensions, add_history
from confiture.sql.dependencies.resolve import resolve
from confiture.sql.grammar import parse, unwrap

__all__ = ["build_graph"]


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
        graph.define(index, facts)
    resolve(graph)
    add_history(graph)
    add_barriers(graph)
    add_extensions(graph)
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
