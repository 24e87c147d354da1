"""The entry module: registers the transfer engine ``hybrid``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import TransferEngine

API_VERSION = 1


@hookimpl
def confiture_transfer_engines() -> Iterable[Provider[TransferEngine]]:
    """See ``hybrid`` in ``engine``."""
    yield Provider(
        name="hybrid", target="confiture_hybrid.engine:HybridEngine", summary="chooses fdw or copy for each table"
    )
