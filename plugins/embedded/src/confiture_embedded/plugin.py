"""The plugin's entry module: what it registers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.hooks import Command, Provider, hookimpl

if TYPE_CHECKING:
    from confiture.protocols import Server

API_VERSION = 1

_GROUP = "Server"


@hookimpl
def confiture_servers() -> Iterable[Provider[Server]]:
    """The provider ``embedded``."""
    yield Provider(
        name="embedded",
        target="confiture_embedded.server:EmbeddedServer",
        summary="PostgreSQL from pip, its data under .confiture/",
    )


@hookimpl
def confiture_commands() -> Iterable[Command]:
    """``confiture server ...``."""
    for name, summary in (
        ("start", "Start the environment's server."),
        ("stop", "Stop the environment's server."),
        ("status", "Show where the server is, since when, and how big."),
        ("url", "Print a connection URI for psql and other programs."),
        ("psql", "Open psql on the environment's database."),
    ):
        yield Command(
            name=f"server {name}", target=f"confiture_embedded.commands:{name}", summary=summary, group=_GROUP
        )
