"""Levels for executors that run statements at once: those of one level need none of their own level."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from confiture.model import Plan, Statement
from confiture.sql.dependencies.building import build_graph
from confiture.sql.dependencies.extract import LIGHT_KINDS
from confiture.sql.dependencies.graph import Edge, Graph

__all__ = ["assign_levels"]

#: Statements whose effects are known to be only those in their facts. All others are barriers.
_KNOWN = LIGHT_KINDS | {
    "AlterDomainStmt", "AlterFunctionStmt", "AlterSeqStmt", "AlterTableStmt", "CompositeTypeStmt", "CreateCastStmt",
    "CreateDomainStmt", "CreateEnumStmt", "CreateFunctionStmt", "CreateRangeStmt", "CreateSeqStmt", "CreateStmt",
    "CreateTrigStmt", "DefineStmt", "RuleStmt", "ViewStmt",
}  # fmt: skip
#: Kinds that leave something behind that only their own session sees.
_OWN_SESSION = frozenset({"PrepareStmt", "DeclareCursorStmt", "DiscardStmt", "ListenStmt"})


def assign_levels(plan: Plan) -> Plan:
    """The same plan with ``level`` set, for executors with several connections.

    Barriers have a level of their own: settings, what cannot run in a transaction, what loads or reads data, and all
    that is not understood. Where the plan makes temporary objects, which one session sees, all levels are -1.

    Statements of one level may still wait for each other's locks: a FOREIGN KEY locks both of its tables, in an order
    that is PostgreSQL's. An executor must be ready to repeat a statement that ends in a deadlock (40P01), and must
    commit a level before it begins the next.
    """
    graph = build_graph(plan)
    if any(_of_one_session(graph, index) for index in range(len(graph.statements))):
        return msgspec.structs.replace(
            plan, statements=tuple(msgspec.structs.replace(statement, level=-1) for statement in plan.statements)
        )
    needs: dict[int, list[Edge]] = defaultdict(list)
    for edge in graph.edges.values():
        if edge.before < edge.after:
            needs[edge.after].append(edge)
    levels: list[int] = []
    base = highest = 0
    for index, statement in enumerate(graph.statements):
        if _is_barrier(graph, index, statement):
            level = highest + 1 if levels else 0
            base = level + 1
        else:
            level = max([base, *(levels[edge.before] + 1 for edge in needs[index])])
        highest = max(highest, level)
        levels.append(level)
    statements = zip(graph.statements, levels, strict=True)
    return msgspec.structs.replace(
        plan, statements=tuple(msgspec.structs.replace(statement, level=level) for statement, level in statements)
    )


def _of_one_session(graph: Graph, index: int) -> bool:
    statement = graph.statements[index]
    if statement.kind in _OWN_SESSION:
        return True
    names = (*graph.facts[index].defines, *graph.facts[index].changes)
    return any(name.schema == "pg_temp" for name in names)


def _is_barrier(graph: Graph, index: int, statement: Statement) -> bool:
    facts = graph.facts[index]
    if statement.session or not statement.transactional or facts.barrier or facts.drops:
        return True
    if statement.kind not in _KNOWN:
        return True
    # An index over a function of the plan's own runs it on every row.
    return facts.calls and any(name.space == "function" for _, name in graph.resolved[index])
