"""The entry module: registers the switch ``command``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Switch

API_VERSION = 1


@hookimpl
def confiture_switches() -> Iterable[Provider[Switch]]:
    """See ``CommandSwitch`` in ``switch``."""
    yield Provider(name="command", target="confiture_command.switch:CommandSwitch", summary="runs programs of your own")
