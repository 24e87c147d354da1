"""The entry module: registers the transfer engine ``fdw``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import TransferEngine

API_VERSION = 1


@hookimpl
def confiture_transfer_engines() -> Iterable[Provider[TransferEngine]]:
    """See ``fdw`` in ``engine``."""
    yield Provider(
        name="fdw", target="confiture_fdw.engine:FdwEngine", summary="rows that the target reads through postgres_fdw"
    )
