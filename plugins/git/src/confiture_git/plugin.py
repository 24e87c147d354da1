"""The entry module: registers the source ``git``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import SchemaSource

API_VERSION = 1


@hookimpl
def confiture_sources() -> Iterable[Provider[SchemaSource]]:
    """The source that reads the schema, or any file or folder, at a revision."""
    yield Provider(
        name="git",
        target="confiture_git.source:GitSource",
        summary="the schema at a git revision: HEAD~1, v1.2:db/schema",
    )
