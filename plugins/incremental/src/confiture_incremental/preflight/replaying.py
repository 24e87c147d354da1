"""The pending migrations on a copy of the schema, one after the other as ``up`` runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.errors import ConfitureError, DatabaseConnectionError
from confiture.estimating import Size
from confiture.model import Plan
from confiture_incremental.preflight.model import Problem, Tried
from confiture_incremental.preflight.telling import statements_of
from confiture_incremental.recorded import record_live
from confiture_incremental.running import run_migration

if TYPE_CHECKING:
    from confiture_incremental.model import UpRequest
    from confiture_incremental.preflight.stopping import Stopping
    from confiture_incremental.recorded import Recorded
    from confiture_incremental.scratch import ScratchDeployment

__all__ = ["replay"]


async def replay(
    scratch: ScratchDeployment,
    recorded: Sequence[Recorded],
    stopping: Stopping,
    request: UpRequest,
    sizes: Mapping[str, Size],
) -> tuple[list[Tried], list[str]]:
    """Each migration until one fails, and what is to be noted. What reads is asked of the gates when its turn comes."""
    found: list[Tried] = []
    notes: list[str] = []
    for number, one in enumerate(recorded):
        plan = stopping.plans.get(one.version)
        if one.plan is None:
            notes.append(f"{one.version} ({one.name}) reads the database: on the copy it finds no rows")
        try:
            if one.plan is None:
                one = await record_live(one, scratch)
                await stopping.ask(scratch, [one], request, begun=True)
                plan = stopping.plans[one.version]
            done = await run_migration(scratch, one)
        except DatabaseConnectionError:
            raise
        except ConfitureError as error:
            found.append(_tried(one, plan, sizes, failure=Problem.of(error)))
            found += [
                Tried(version=later.version, name=later.name, state="not reached") for later in recorded[number + 1 :]
            ]
            break
        found.append(_tried(one, plan, sizes, seconds=done.seconds))
    notes += [f"not run on the scratch server: {name}" for name in scratch.left_out]
    return found, notes


def _tried(
    one: Recorded, plan: Plan | None, sizes: Mapping[str, Size], *, seconds: float = 0.0, failure: Problem | None = None
) -> Tried:
    return Tried(
        version=one.version,
        name=one.name,
        state="would run" if failure is None else "failed",
        seconds=seconds,
        statements=statements_of(plan, sizes) if plan is not None else (),
        failure=failure,
    )
