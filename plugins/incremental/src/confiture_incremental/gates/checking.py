"""All gates, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import msgspec

from confiture.model import Plan
from confiture_incremental.gates.drifting import check_drift
from confiture_incremental.gates.hazards import annotated, tell
from confiture_incremental.gates.losing import check_loss
from confiture_incremental.gates.privileges import check_privileges
from confiture_incremental.gates.protecting import check_confirmed
from confiture_incremental.gates.seen import look
from confiture_incremental.model import DownRequest, Told, UpRequest
from confiture_incremental.recorded import Recorded

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment

__all__ = ["Asked", "ask", "check", "check_known", "told"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the gates let through. ``plans``: what is left of each known migration, with its effects."""

    told: tuple[Told, ...]
    plans: tuple[tuple[Recorded, Plan], ...]


async def check(
    deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest | DownRequest
) -> tuple[Told, ...]:
    """Raise where something stands against running these, else what is to be beware of. Changes nothing.

    Raises ``PermissionMissing``, what a reviewer raises, ``DataLossRefused``, ``ConfirmationNeeded`` and
    ``DriftFound``, in this order. What is faked is not run, and a rehearsal loses nothing.
    """
    return (await ask(deployment, recorded, request)).told


async def check_known(deployment: Deployment, recorded: Recorded, request: UpRequest | DownRequest) -> tuple[Told, ...]:
    """The same for a migration that reads, and is known only when its turn comes: others of the run may have run.

    What these have changed is no drift, and who has confirmed the run has confirmed it.
    """
    return (await ask(deployment, [recorded], request, begun=True)).told


async def ask(
    deployment: Deployment,
    recorded: Sequence[Recorded],
    request: UpRequest | DownRequest,
    *,
    begun: bool = False,
    gate: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Asked:
    """Ask every gate. ``begun``: the run is under way; ``gate`` is entered around each, and may keep what it raises."""
    found: tuple[Told, ...] = ()
    seen = await look(deployment, () if request.fake else recorded)
    with gate():
        await check_privileges(seen)
    plans = await annotated(seen)
    with gate():
        found = tell(seen, plans)
    with gate():
        if not (request.allow_data_loss or request.dry_run_execute):
            await check_loss(seen, plans)
    if not begun:
        with gate():
            check_confirmed(deployment, recorded, request)
        with gate():
            if deployment.config.drift_check and not request.ignore_drift:
                await check_drift(seen)
    return Asked(told=found, plans=tuple(plans))


async def told(deployment: Deployment, recorded: Sequence[Recorded]) -> tuple[Told, ...]:
    """The hazards of what is known, those of the reviewers included."""
    seen = await look(deployment, recorded)
    return tell(seen, await annotated(seen))
