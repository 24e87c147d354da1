"""What migrations act on that is not of their own making."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.migrations.backfill import Backfill
from confiture.model import Statement
from confiture.sql.effects.plan import read_nodes
from confiture_incremental.gates.targets import CREATE, DROP, Act, acts_of, is_authority

if TYPE_CHECKING:
    from typing import Any

    from confiture_incremental.recorded import Recorded

__all__ = ["Touched", "touched_by"]


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """``act`` is done by ``statement`` of ``recorded``.

    ``placed``: its name without a schema means what the session's search path says. ``trusted``: who may do what is
    still as it was before the run.
    """

    act: Act
    statement: Statement
    recorded: Recorded
    placed: bool = True
    trusted: bool = True


def touched_by(recorded: Sequence[Recorded]) -> list[Touched]:
    """In the order in which they come; what one of them has made, or given its name, is left out."""
    found: list[Touched] = []
    made: set[tuple[str, str, str]] = set()
    placed = trusted = True
    for one, statement, node in _nodes(recorded):
        for act in acts_of(node):
            if act.schema == "pg_temp":  # it hides others of its name
                made.add((act.space, "", act.name))
                continue
            ours = _is_in(made, act.space, act.schema, act.name) or ("schema", "", act.schema) in made
            if not ours:
                found.append(Touched(act=act, statement=statement, recorded=one, placed=placed, trusted=trusted))
            if act.right == CREATE:
                made.add((act.space, act.schema, act.name))
            if act.new is not None:
                made.add((act.space, *act.new))
            if act.right == DROP and ours:  # what is made after it under this name is new as well
                made.add((act.space, act.schema, act.name))
        if type(node).__name__ == "VariableSetStmt" and node.name == "search_path":
            placed = False
        trusted = trusted and not is_authority(node)
    return found


def _is_in(made: set[tuple[str, str, str]], space: str, schema: str, name: str) -> bool:
    if (space, schema, name) in made:
        return True
    # Without a schema it is nearly always the one in public.
    return schema in ("", "public") and (space, "" if schema else "public", name) in made


def _nodes(recorded: Sequence[Recorded]) -> Iterator[tuple[Recorded, Statement, Any]]:
    for one in recorded:
        if one.plan is None:
            continue
        for statement in one.rest.statements:
            read = (
                msgspec.structs.replace(statement, sql=statement.at_once)
                if isinstance(statement, Backfill)
                else (statement)
            )
            for node in read_nodes(read) or ():
                yield one, statement, node
