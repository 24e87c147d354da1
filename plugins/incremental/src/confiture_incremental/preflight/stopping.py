"""What would stop ``up`` before its first statement: all of it, where ``up`` itself ends at the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.model import Plan
from confiture_incremental.gates.checking import ask
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

    async def ask(
        self, deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest, *, begun: bool = False
    ) -> None:
        """See ``confiture_incremental.gates.checking.ask``. A reviewer may refuse, too."""
        asked = await ask(deployment, recorded, request, begun=begun, gate=self.collecting)
        self.told = (*self.told, *asked.told)
        self.plans |= {one.version: plan for one, plan in asked.plans}


async def stopping(deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest) -> Stopping:
    """Ask every gate. Raises only what is no refusal."""
    found = Stopping()
    await found.ask(deployment, recorded, request)
    return found
