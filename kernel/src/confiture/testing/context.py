"""A context to run a provider in, without any plugin."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from confiture.config import Environment, Project
from confiture.hooks import API_VERSION, Provider, hookimpl
from confiture.kernel import Kernel
from confiture.model import ServerStatus, Target
from confiture.protocols import Context, Server
from confiture.registry import Registry
from confiture.run import Run

__all__ = ["GivenServer", "given_registry", "open_context"]


class GivenServer:
    """A server provider that serves the environment's ``database_url``, whatever it is."""

    async def acquire(self, ctx: Context, environment: Environment) -> Target:
        """The database that the URL names."""
        assert isinstance(ctx, Run)
        return Target(label=environment.name, params=ctx.resolve_url(environment.database_url))

    async def status(self, ctx: Context, environment: Environment) -> ServerStatus:
        """Running: somebody gave it."""
        return ServerStatus(state="running", address="given")

    async def stop(self, ctx: Context, environment: Environment) -> bool:
        """Never."""
        return False

    async def check(self, ctx: Context, target: Target, features: object, extensions: object) -> None:
        """It has everything."""


class _Plugin:
    """Offers :class:`GivenServer` as ``url``."""

    API_VERSION = API_VERSION

    @hookimpl
    def confiture_servers(self) -> Iterable[Provider[Server]]:
        """One."""
        return [Provider(name="url", target=f"{__name__}:GivenServer", summary="the given one")]


def given_registry() -> Registry:
    """A registry that looks at no entry point; its one provider is the server ``url``."""
    registry = Registry(entry_points=())
    registry.register(_Plugin(), "given")
    return registry


def open_context(
    project: Path | str | Project, *, database_url: str | None = None, registry: Registry | None = None
) -> AbstractAsyncContextManager[Run]:
    """A run on ``project`` whose environment ``test`` has the database of ``database_url``.

    ``registry`` has no plugin at all unless one is given: ``Registry()`` has those that are installed.
    """
    environment = Environment(name="test", database_url=database_url)
    return Kernel(project, registry=registry or given_registry()).run(environment=environment)
