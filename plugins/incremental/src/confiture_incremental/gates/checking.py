"""All gates, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture_incremental.gates.drifting import check_drift
from confiture_incremental.gates.hazards import annotated, tell
from confiture_incremental.gates.losing import check_loss
from confiture_incremental.gates.privileges import check_privileges
from confiture_incremental.gates.protecting import check_confirmed
from confiture_incremental.gates.seen import look
from confiture_incremental.model import DownRequest, Told, UpRequest

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.recorded import Recorded

__all__ = ["check", "check_known", "told"]


async def check(
    deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest | DownRequest
) -> tuple[Told, ...]:
    """Raise where something stands against running these, else what is to be beware of. Changes nothing.

    Raises ``PermissionMissing``, what a reviewer raises, ``DataLossRefused``, ``ConfirmationNeeded`` and
    ``DriftFound``, in this order. What is faked is not run, and a rehearsal loses nothing.
    """
    seen = await look(deployment, () if request.fake else recorded)
    await check_privileges(seen)
    plans = await annotated(seen)
    found = tell(seen, plans)
    if not (request.allow_data_loss or request.dry_run_execute):
        await check_loss(seen, plans)
    check_confirmed(deployment, recorded, request)
    if deployment.config.drift_check and not request.ignore_drift:
        await check_drift(seen)
    return found


async def check_known(deployment: Deployment, recorded: Recorded, request: UpRequest | DownRequest) -> tuple[Told, ...]:
    """The same for a migration that reads, and is known only when its turn comes: others of the run may have run.

    What these have changed is no drift, and who has confirmed the run has confirmed it.
    """
    seen = await look(deployment, [recorded])
    await check_privileges(seen)
    plans = await annotated(seen)
    found = tell(seen, plans)
    if not request.allow_data_loss:
        await check_loss(seen, plans)
    return found


async def told(deployment: Deployment, recorded: Sequence[Recorded]) -> tuple[Told, ...]:
    """The hazards of what is known, those of the reviewers included."""
    seen = await look(deployment, recorded)
    return tell(seen, await annotated(seen))
