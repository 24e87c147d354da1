"""All gates, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture_incremental.model import DownRequest, Told, UpRequest

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.recorded import Recorded

__all__ = ["check", "told"]


async def check(
    deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest | DownRequest
) -> tuple[Told, ...]:
    """Raise where something stands against running these, else what is to be beware of."""
    return await told(deployment, recorded)


async def told(deployment: Deployment, recorded: Sequence[Recorded]) -> tuple[Told, ...]:
    """The hazards of what is known, those of the reviewers included."""
    return ()
