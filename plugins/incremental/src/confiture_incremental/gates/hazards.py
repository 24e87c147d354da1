"""What to beware of in migrations: what their statements do to the database as it is, and what reviewers say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.model import Plan
from confiture.sql.effects import annotate, worth_telling
from confiture_incremental.gates.seen import Seen
from confiture_incremental.model import Told

if TYPE_CHECKING:
    from confiture_incremental.recorded import Recorded

__all__ = ["annotated", "tell"]


async def annotated(seen: Seen) -> list[tuple[Recorded, Plan]]:
    """The migrations that are known, with the effects of each statement that is left.

    One after the other: what an earlier one makes is new for a later one, and nobody waits for it.
    """
    schema = await seen.schema()
    known = [one for one in seen.recorded if one.plan is not None]
    statements = [statement for one in known for statement in one.rest.statements]
    plan = annotate(Plan(statements=tuple(statements)), schema, version=seen.version)
    found, first = [], 0
    for one in known:
        last = first + len(one.rest.statements)
        found.append((one, msgspec.structs.replace(one.rest, statements=plan.statements[first:last])))
        first = last
    return found


def tell(seen: Seen, plans: list[tuple[Recorded, Plan]]) -> tuple[Told, ...]:
    """The hazards of each migration that has any. A reviewer that raises ends the run: nothing has been run."""
    found = []
    for one, plan in plans:
        hazards = dict.fromkeys(hazard for statement in plan.statements for hazard in worth_telling(statement))
        hazards |= dict.fromkeys(seen.deployment.ctx.review(plan))
        if hazards:
            found.append(Told(version=one.version, name=one.name, hazards=tuple(hazards)))
    return tuple(found)
