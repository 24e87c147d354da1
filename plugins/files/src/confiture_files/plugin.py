"""The entry module: registers the sources ``files`` and ``empty``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import SchemaSource

API_VERSION = 1


@hookimpl
def confiture_sources() -> Iterable[Provider[SchemaSource]]:
    """The source that reads folders of SQL files, and the one that has none."""
    yield Provider(
        name="files",
        target="confiture_files.source:FilesSource",
        summary="folders of .sql files, in the order of their names",
    )
    yield Provider(
        name="empty",
        target="confiture_files.empty:EmptySource",
        summary="a schema without anything, to begin from",
    )
