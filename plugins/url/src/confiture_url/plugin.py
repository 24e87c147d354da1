"""The plugin's entry module: what it registers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Server

API_VERSION = 1


@hookimpl
def confiture_servers() -> Iterable[Provider[Server]]:
    """The provider ``url``."""
    yield Provider(name="url", target="confiture_url.server:UrlServer", summary="a server that you run yourself")
