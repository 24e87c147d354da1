"""The entry module: registers the transfer engine ``copy``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import TransferEngine

API_VERSION = 1


@hookimpl
def confiture_transfer_engines() -> Iterable[Provider[TransferEngine]]:
    """The engine that streams COPY from one server to the other."""
    yield Provider(
        name="copy",
        target="confiture_copy.engine:CopyEngine",
        summary="streams rows over COPY from server to server, without files",
    )
