"""What data is lost by statements that take others back: what those made is no loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from confiture.model import Schema, Statement
from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.following import follow
from confiture.sql.effects.found import Found
from confiture.sql.effects.known import Column, Known, Relation
from confiture.sql.effects.plan import read_nodes
from confiture.sql.effects.statements import look_at

__all__ = ["Step", "lost"]


class Step(NamedTuple):
    """``statements`` that are to be run, and those that they take back."""

    statements: Sequence[Statement]
    undoing: Sequence[Statement] = ()


def lost(steps: Iterable[Step], before: Schema | None, *, version: int = 18) -> list[list[tuple[int, str]]]:
    """For each step, the numbers of its statements that lose data, each with what is lost.

    The steps run one after the other on a database whose schema is ``before`` (None: as for ``effects_of``). What a
    step has made, no later one loses. What ``undoing`` made is no loss for the step that takes it back: its tables,
    columns, sequences, schemas and types, and rows where both INSERT and DELETE have the same table. What was made
    IF NOT EXISTS may have been there before, with rows.
    """
    known = Known(before)
    return [_lost_in(known, step, version) for step in steps]


def _lost_in(known: Known, step: Step, version: int) -> list[tuple[int, str]]:
    made = Known(Schema.of(()))
    filled: set[tuple[str, str]] = set()
    for statement in step.undoing:
        for node in _making(read_nodes(statement) or ()):
            if type(node).__name__ in ("InsertStmt", "CopyStmt") and node.HasField("relation"):
                filled.add(made.named(node.relation).key)
            follow(made, node)
    marked = _mark(known, made)
    found: list[tuple[int, str]] = []
    for number, statement in enumerate(step.statements):
        one = Found(known, version)
        for node in read_nodes(statement) or ():
            takes_back = type(node).__name__ == "DeleteStmt" and made.named(node.relation).key in filled
            if not takes_back or not node.HasField("where_clause"):
                look_at(one, node)
            follow(known, node)
        hazards = one.result()[1]
        found += [(number, hazard.message) for hazard in hazards if hazard.kind == kinds.DELETES_DATA]
    for each in marked:
        each.created = False
    known.made_schemas -= made.made_schemas
    return found


def _making(nodes: Iterable[Any]) -> Iterable[Any]:
    """Without what makes something only where it is not there yet."""
    for node in nodes:
        name = type(node).__name__
        if name == "AlterTableStmt":
            kept = [item for item in node.cmds if not item.alter_table_cmd.missing_ok]
            if len(kept) < len(node.cmds):
                copy = type(node)()
                copy.CopyFrom(node)
                del copy.cmds[:]
                copy.cmds.extend(kept)
                yield copy
                continue
        inner = node.base_stmt if name == "CreateForeignTableStmt" else node
        if not getattr(inner, "if_not_exists", False):
            yield node


def _mark(known: Known, made: Known) -> list[Relation | Column]:
    """Note in ``known`` what ``made`` has made; what is to be unmarked afterwards."""
    marked: list[Relation | Column] = []
    for one in made.relations.values():
        there = known.find(one.schema, one.name)
        if there is None and one.schema == "public":  # made without a schema, under another search path
            there = known.find("", one.name)
        if there is None:
            if known.complete:
                continue
            there = Relation(one.schema, one.name, one.identity)
            known.add(there)
        if one.created and not there.created:
            there.created = True
            marked.append(there)
        for column in one.columns.values():
            of = there.columns.get(column.name)
            if of is None:
                if known.complete:
                    continue
                of = there.columns[column.name] = Column(column.name)
            of.type = of.type or column.type
            if column.created and not of.created:
                of.created = True
                marked.append(of)
    known.made_types |= made.made_types
    known.made_schemas |= made.made_schemas
    return marked
