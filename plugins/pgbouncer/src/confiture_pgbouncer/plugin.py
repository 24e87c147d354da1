"""The entry module: registers the switch ``pgbouncer``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Switch

API_VERSION = 1


@hookimpl
def confiture_switches() -> Iterable[Provider[Switch]]:
    """See ``PgbouncerSwitch`` in ``switch``."""
    yield Provider(
        name="pgbouncer",
        target="confiture_pgbouncer.switch:PgbouncerSwitch",
        summary="pauses PgBouncer, points it at the new database, and goes on",
    )
