"""The entry module: registers the source ``migrations``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import SchemaSource

API_VERSION = 1


@hookimpl
def confiture_sources() -> Iterable[Provider[SchemaSource]]:
    """The schema that the migrations give."""
    yield Provider(
        name="migrations",
        target="confiture_incremental.source:MigrationsSource",
        summary="the migrations, replayed: all, or up to a version",
    )
