"""The kernel: finds plugins, reads the configuration, makes runs. It knows no plugin, medium or strategy by name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from confiture.bus import Bus
from confiture.config import Environment, Project, choose_environment
from confiture.config.light import disabled_by_variable
from confiture.config.project import PluginsConfig
from confiture.errors import ConfigError
from confiture.hooks import KINDS
from confiture.model import Event
from confiture.registry import Registry
from confiture.run import Run
from confiture.translate import translate

__all__ = ["Kernel", "make_registry"]


def make_registry(project: Project | None) -> Registry:
    """The registry that a project's ``[plugins]`` and ``[prefer]`` and ``CONFITURE_DISABLED_PLUGINS`` ask for."""
    disabled = disabled_by_variable()
    prefer: dict[str, dict[str, str]] = {}
    if project is not None:
        disabled += project.section("plugins", PluginsConfig).disable
        prefer = _preferences(project)
    return Registry(disabled=disabled, prefer=prefer, strict=os.environ.get("CONFITURE_STRICT_PLUGINS") == "1")


def _preferences(project: Project) -> dict[str, dict[str, str]]:
    table = project.document.get("prefer", {})
    kinds = [*KINDS, "command"]
    if not isinstance(table, dict):
        raise ConfigError("'prefer' must be a table", file="confiture.toml", hint='[prefer.differ] catalog = "acme"')
    for kind, names in table.items():
        if kind not in kinds:
            raise ConfigError(
                f"unknown kind 'prefer.{kind}'", file="confiture.toml", hint=f"the kinds are: {', '.join(kinds)}"
            )
        if not isinstance(names, dict) or not all(isinstance(plugin, str) for plugin in names.values()):
            raise ConfigError(f"'prefer.{kind}' must map providers' names to plugins", file="confiture.toml")
    return table


class Kernel:
    """The way in for programs::

        kernel = Kernel()                       # the project that the working folder is in
        async with kernel.run(env="local") as run:
            report = await run.start("build")

    ``project`` is a folder or a ``Project``; without it the project is looked for from the working folder upwards,
    and ``ProjectNotFound`` is raised where there is none. ``observers`` hear every event of every run.
    """

    def __init__(
        self,
        project: Project | Path | str | None = None,
        *,
        registry: Registry | None = None,
        observers: Iterable[Callable[[Event], None]] = (),
    ) -> None:
        if project is None:
            project = Project.find()
        self.project = project if isinstance(project, Project) else Project(Path(project))
        self.registry = registry or make_registry(self.project)
        # A table may belong to a plugin that is disabled or broken: then nobody can say which tables are unknown.
        if all(info.status == "active" for info in self.registry.plugins()):
            self.project.check_sections(self._section_owners())
        self._observers = tuple(observers)

    def _section_owners(self) -> set[str]:
        owners = {info.name for info in self.registry.plugins()}
        for kind in KINDS.values():
            owners.update(self.registry.names(kind))
        return owners

    @asynccontextmanager
    async def run(
        self,
        *,
        env: str | None = None,
        config: Path | None = None,
        database_url: str | None = None,
        environment: Environment | None = None,
    ) -> AsyncIterator[Run]:
        """A run for one environment, chosen as the command line does, or given as ``environment``.

        What the driver raises inside of the block leaves it as a ``ConfitureError``; exception groups are
        collapsed; every connection is closed, whatever happens.
        """
        if environment is None:
            environment = choose_environment(self.project, env=env, config=config, database_url=database_url)
        run = Run(self.project, self.registry, Bus((*self._observers, *self.registry.observers())), environment)
        try:
            yield run
        except BaseException as error:
            translated = translate(error, run.secrets)
            if translated is error:
                raise
            raise translated from error
        finally:
            await run.aclose()
