"""The entry module: registers the switch ``rename``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Switch

API_VERSION = 1


@hookimpl
def confiture_switches() -> Iterable[Provider[Switch]]:
    """See ``RenameSwitch`` in ``switch``."""
    yield Provider(
        name="rename",
        target="confiture_rename.switch:RenameSwitch",
        summary="swaps the names of two databases of one server",
    )
