"""The entry module: registers the capture ``triggers``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Capture

API_VERSION = 1


@hookimpl
def confiture_captures() -> Iterable[Provider[Capture]]:
    """See ``triggers`` in ``capture``."""
    yield Provider(
        name="triggers",
        target="confiture_triggers.capture:TriggerCapture",
        summary="row triggers write changed keys to a log: no restart, no slot, no superuser",
    )
