"""The kernel's own tests need no plugin: a server provider made here stands in for ``url``."""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

import pytest

from confiture.hooks import API_VERSION, Provider, hookimpl
from confiture.model import ServerStatus, Target
from confiture.registry import Registry


@pytest.fixture(autouse=True)
def _no_plugins(_clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's suite passes with every plugin disabled: it always runs so."""
    monkeypatch.setenv("CONFITURE_DISABLED_PLUGINS", "*")


class GivenServer:
    """Serves the environment's ``database_url``, whatever it is."""

    async def acquire(self, ctx: Any, environment: Any) -> Target:
        return Target(label=environment.name, params=ctx.resolve_url(environment.database_url))

    async def status(self, ctx: Any, environment: Any) -> ServerStatus:
        return ServerStatus(state="running", address="given")

    async def stop(self, ctx: Any, environment: Any) -> bool:
        return False


def plugin(**hooks: Any) -> ModuleType:
    """An entry module made of functions; each becomes a hook of its keyword's name."""
    module = ModuleType("a_plugin_of_the_tests")
    module.API_VERSION = API_VERSION
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module


def bare_registry(**plugins: ModuleType) -> Registry:
    """A registry that looks at no entry point, with ``given`` as the ``url`` server and ``plugins``."""
    registry = Registry(entry_points=())
    target = f"{__name__}:GivenServer"
    sys.modules.setdefault(__name__, sys.modules[GivenServer.__module__])
    registry.register(
        plugin(confiture_servers=lambda: [Provider(name="url", target=target, summary="the given one")]), "given"
    )
    for name, module in plugins.items():
        registry.register(module, name)
    return registry


@pytest.fixture
def make_plugin() -> Any:
    """``make_plugin(confiture_sources=function)``: an entry module."""
    return plugin


@pytest.fixture
def registry() -> Registry:
    """A registry with nothing but the stand-in for ``url``."""
    return bare_registry()


@pytest.fixture
def kernel_run(kernel_run: Any, registry: Registry) -> Any:
    """The shared fixture of that name, without any plugin."""

    @functools.wraps(kernel_run)
    def run(*args: Any, **kwargs: Any) -> Any:
        return kernel_run(*args, **{"registry": registry, **kwargs})

    return run
