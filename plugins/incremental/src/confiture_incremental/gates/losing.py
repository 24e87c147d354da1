"""Data that migrations lose: refused, unless somebody has said that it may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import ConfitureError, DataLossRefused
from confiture.sql.effects import Step, lost
from confiture.sql.effects.hazards import DELETES_DATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.model import Plan, Schema, Statement
    from confiture_incremental.gates.seen import Seen
    from confiture_incremental.recorded import Recorded

__all__ = ["check_loss"]


async def check_loss(seen: Seen, plans: list[tuple[Recorded, Plan]]) -> None:
    """Raise ``DataLossRefused`` for the first migration that loses data and does not declare it.

    A ``down`` that destroys only what the same migration's ``up`` makes is an undo, and may run as it stands.
    """
    for (one, plan), found in zip(plans, _found(seen, plans, await seen.schema()), strict=True):
        if not found or one.migration.declares_loss(one.direction):
            continue
        number, what = found[0]
        statement = plan.statements[number]
        declared = (
            f'loses_data = ("{one.direction}",) in its class'
            if one.migration.class_ is not None
            else "the comment `-- confiture: loses-data` in its file"
        )
        others = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise DataLossRefused(
            f"{one.version} ({one.name}) loses data: {what}{others}",
            file=statement.origin.file if statement.origin else one.migration.file.shown,
            line=statement.origin.line if statement.origin else None,
            source_line=_first_line(statement),
            hint=f"if that is meant: --allow-data-loss, or {declared}",
            detail="\n".join(f"{what}: {_first_line(plan.statements[n])}" for n, what in found)
            if len(found) > 1
            else None,
        )


def _found(seen: Seen, plans: list[tuple[Recorded, Plan]], schema: Schema) -> list[list[tuple[int, str]]]:
    """For each migration the numbers of the statements that lose data, and what is lost."""
    if not any(
        statement.effects and statement.effects.loses_data for _, plan in plans for statement in plan.statements
    ):
        return [[] for _ in plans]
    if any(one.direction == "down" or one.done > 0 for one, _ in plans):
        return lost([Step(plan.statements, _made_before(one)) for one, plan in plans], schema, version=seen.version)
    return [
        [
            (number, hazard.message)
            for number, statement in enumerate(plan.statements)
            for hazard in statement.hazards
            if hazard.kind == DELETES_DATA
        ]
        for _, plan in plans
    ]


def _made_before(one: Recorded) -> Sequence[Statement]:
    """What a down takes back; of an up, what an earlier run of it has done. Nothing where only a database can tell."""
    if one.direction == "up":
        return one.plan.statements[: max(one.done, 0)] if one.plan is not None else ()
    if one.migration.reads("up"):
        return ()
    try:
        return one.migration.record("up").statements
    except ConfitureError:  # it is the down that is run
        return ()


def _first_line(statement: Statement) -> str:
    return statement.sql.strip().splitlines()[0]
