"""A protected environment asks for the name of its database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import ConfirmationNeeded
from confiture_incremental.model import UpRequest

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.model import DownRequest
    from confiture_incremental.recorded import Recorded

__all__ = ["check_confirmed"]


def check_confirmed(deployment: Deployment, recorded: Sequence[Recorded], request: UpRequest | DownRequest) -> None:
    """Raise ``ConfirmationNeeded`` unless the environment is open, or ``request.confirm`` is the database's name."""
    target = deployment.target
    if not recorded or not target.protected or request.confirm == target.database:
        return
    count = f"{len(recorded)} migration{'s' if len(recorded) != 1 else ''}"
    would = "run" if isinstance(request, UpRequest) else "taken back"
    would = "recorded as done" if request.fake else would
    given = f"; {request.confirm!r} is not its name" if request.confirm is not None else ""
    raise ConfirmationNeeded(
        f"the environment {deployment.ctx.environment.name!r} is protected, and {count} would be {would} on its "
        f"database {target.database!r}{given}",
        hint=f"--confirm {target.database}",
    )
