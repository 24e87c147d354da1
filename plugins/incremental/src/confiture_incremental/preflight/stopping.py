"""What would stop ``up`` before its first statement: all of it, where ``up`` itself ends at the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.model import Plan
from confiture_incremental.gates.drifting import check_drift
from confiture_incremental.gates.hazards import annotated, tell
from confiture_incremental.gates.losing import check_loss
from confiture_incremental.gates.privileges import check_privileges
from confiture_incremental.gates.protecting import check_confirmed
from confiture_incremental.gates.seen import look
from confiture_incremental.model import Told
from confiture_incremental.preflight.model import Problem

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.model import UpRequest
    from confiture_incremental.recorded import Recorded

__all__ = ["Stopping", "stopping"]


class Stopping:
    """``stops``: what ``up`` would refuse. ``plans``: what is left of each known migration, with its effects."""

    def __init__(self) -> None:
        self.stops: list[Problem] = []
        self.told: tuple[Told, ...] = ()
        self.plans: dict[str, Plan] = {}


async def stopping(deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest) -> Stopping:
    """Ask every gate of ``confiture_incremental.gates.checking``. Raises only what is no refusal."""
    found = Stopping()
    seen = await look(deployment, recorded)
    try:
        await check_privileges(seen)
    except Refused as error:
        found.stops.append(Problem.of(error))
    plans = await annotated(seen)
    found.plans = {one.version: plan for one, plan in plans}
    try:
        found.told = tell(seen, plans)
    except Refused as error:  # a reviewer's
        found.stops.append(Problem.of(error))
    try:
        if not request.allow_data_loss:
            await check_loss(seen, plans)
    except Refused as error:
        found.stops.append(Problem.of(error))
    try:
        check_confirmed(deployment, recorded, request)
    except Refused as error:
        found.stops.append(Problem.of(error))
    try:
        if deployment.config.drift_check and not request.ignore_drift:
            await check_drift(seen)
    except Refused as error:
        found.stops.append(Problem.of(error))
    return found
