"""What would stop ``up`` before its first statement: all of it, where ``up`` itself ends at the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.model import Plan
from confiture_incremental.gates.drifting import check_drift
from confiture_incremental.gates.hazards import annotated, tell
from confiture_incremental.gates.losing import check_loss
from confiture_incremental.gates.privileges import check_privileges
from confiture_incremental.gates.protecting import check_confirmed
from confiture_incremental.gates.seen import Seen, look
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

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep a refusal rather than raise it."""
        try:
            yield
        except Refused as error:
            self.stops.append(Problem.of(error))

    async def ask(self, seen: Seen, request: UpRequest) -> None:
        """The gates that look at each migration by itself. A reviewer may refuse, too."""
        with self.collecting():
            await check_privileges(seen)
        plans = await annotated(seen)
        self.plans |= {one.version: plan for one, plan in plans}
        with self.collecting():
            self.told = (*self.told, *tell(seen, plans))
        with self.collecting():
            if not request.allow_data_loss:
                await check_loss(seen, plans)


async def stopping(deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest) -> Stopping:
    """Ask every gate of ``confiture_incremental.gates.checking``. Raises only what is no refusal."""
    found = Stopping()
    seen = await look(deployment, recorded)
    await found.ask(seen, request)
    with found.collecting():
        check_confirmed(deployment, recorded, request)
    with found.collecting():
        if deployment.config.drift_check and not request.ignore_drift:
            await check_drift(seen)
    return found
