"""The plugin's entry module: what it registers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Differ, Inspector

API_VERSION = 1


@hookimpl
def confiture_inspectors() -> Iterable[Provider[Inspector]]:
    """The provider ``catalog``."""
    yield Provider(
        name="catalog",
        target="confiture_catalog.inspector:CatalogInspector",
        summary="reads PostgreSQL's own catalogs",
    )


@hookimpl
def confiture_differs() -> Iterable[Provider[Differ]]:
    """The provider ``catalog``."""
    yield Provider(
        name="catalog",
        target="confiture_catalog.differ.provider:CatalogDiffer",
        summary="compares what the inspector of that name reads",
    )
