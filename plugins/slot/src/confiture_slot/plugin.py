"""The entry module: registers the capture ``slot``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Capture

API_VERSION = 1


@hookimpl
def confiture_captures() -> Iterable[Provider[Capture]]:
    """See ``slot`` in ``capture``."""
    yield Provider(
        name="slot",
        target="confiture_slot.capture:SlotCapture",
        summary="changed keys out of the WAL, by a replication slot: writers run nothing more",
    )
