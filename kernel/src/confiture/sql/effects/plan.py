"""The effects and hazards of a statement, and of all statements of a plan."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from confiture.model import Effects, Hazard, Plan, Schema, Statement
from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.coming import Coming
from confiture.sql.effects.following import follow
from confiture.sql.effects.found import Found
from confiture.sql.effects.known import Known
from confiture.sql.effects.statements import look_at
from confiture.sql.grammar import GrammarError, parse, unwrap
from confiture.sql.recent import TREES
from confiture.sql.transactional import why_not_transactional

__all__ = ["annotate", "effects_of", "read_nodes"]


def effects_of(
    statement: Statement, before: Schema | None = None, *, created: Collection[str] = (), version: int = 18
) -> tuple[Effects, tuple[Hazard, ...]]:
    """What one statement does to a database in use, and what to beware of.

    ``before`` is the database's schema when the statement comes: without it, every table that is not in ``created``
    (identities) is taken to be there and full of rows, and every change of type to be a rewrite. ``version`` is the
    server's major version. Never raises: what cannot be read has the hazard ``unknown-effects``.
    """
    effects, hazards, _ = _look(Known(before, created), statement, read_nodes(statement), version)
    return effects, hazards


def annotate(plan: Plan, before: Schema | None, *, version: int = 18) -> Plan:
    """The plan with ``effects``, ``hazards`` and ``transactional`` of every statement filled in.

    ``before`` is the schema of the database before the plan, as for :func:`effects_of`. What the plan's own
    statements make, rename or prove is followed, so that a lock on a new table is no hazard. Hazards that a
    statement has already stay, and come first; ``transactional`` is never turned from False to True. The effects that
    a DO block has already are taken for true. Never raises.
    """
    known = Known(before)
    trees = [read_nodes(statement) for statement in plan.statements]
    known.coming = Coming([nodes or () for nodes in trees])
    statements = []
    for number, (statement, nodes) in enumerate(zip(plan.statements, trees, strict=True)):
        known.coming.now = number
        effects, hazards, reason = _look(known, statement, nodes, version)
        merged = dict.fromkeys((*statement.hazards, *hazards))
        statements.append(
            msgspec.structs.replace(
                statement,
                effects=effects,
                hazards=tuple(merged),
                transactional=statement.transactional and reason is None,
            )
        )
    return msgspec.structs.replace(plan, statements=tuple(statements))


def _look(
    known: Known, statement: Statement, nodes: list[Any] | None, version: int
) -> tuple[Effects, tuple[Hazard, ...], str | None]:
    """Effects, hazards, and why it runs in no transaction; ``known`` is afterwards as the database is then."""
    found = Found(known, version)
    reason = None
    if nodes is None:
        found.hazard(kinds.UNKNOWN_EFFECTS, "the statement cannot be read")
        return *found.result(), None
    # Nobody sees into a DO block but who wrote it.
    said = statement.effects if [type(node).__name__ for node in nodes] == ["DoStmt"] else None
    for node in nodes:
        reason = reason or why_not_transactional(node)
        if said is not None and kinds.UNKNOWN_EFFECTS not in {hazard.kind for hazard in statement.hazards}:
            found.take(said)
            continue
        look_at(found, node)
        follow(known, node)
    if reason is not None or not statement.transactional:
        found.hazard(kinds.NOT_TRANSACTIONAL, f"{reason or 'the statement'} cannot run in a transaction")
    return *found.result(), reason


def read_nodes(statement: Statement) -> list[Any] | None:
    """The statements in its text; None where it cannot be read."""
    try:
        return _nodes(statement.sql)
    except GrammarError:
        return None


def _nodes(sql: str) -> list[Any]:
    """The statements in a text: one, as a rule, whose tree may have been read a moment ago."""
    known = TREES.get(sql)
    if known is not None:
        return [known]
    nodes = [node for each in parse(sql).stmts if (node := unwrap(each.stmt)) is not None]
    if len(nodes) == 1:
        TREES.put(sql, nodes[0])
    return nodes
