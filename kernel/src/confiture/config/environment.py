"""Environments: named databases. One file each, ``db/environments/<name>.toml`` or ``.yaml``."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import msgspec

from confiture.config.project import Project
from confiture.config.reading import convert, read_file
from confiture.errors import ConfigError, UnknownEnvironment, UsageError
from confiture.registry import closest

__all__ = ["DATABASE_URL_NAME", "Environment", "choose_environment", "environment_names", "load_environment"]

_SUFFIXES = (".toml", ".yaml", ".yml")
#: What an environment made from ``--database-url`` is called in messages: never the URL itself.
DATABASE_URL_NAME = "--database-url"


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """One environment.

    ``database_url``: URI, keyword or ``service=`` form; without it the environment's ``server`` provides a database.
    ``database`` names the database on such a server. ``protected``: nothing that destroys is ever done to it.
    ``server``: the provider, by default ``url`` with a ``database_url`` and ``embedded`` without.
    """

    name: str = ""
    database_url: str | None = None
    database: str | None = None
    protected: bool = False
    server: str | None = None

    @property
    def server_name(self) -> str:
        """The server provider that serves this environment."""
        return self.server or ("url" if self.database_url else "embedded")

    def __repr__(self) -> str:
        return f"Environment(name={self.name!r}, server={self.server_name!r}, protected={self.protected})"


def environment_names(project: Project) -> tuple[str, ...]:
    """The names that are configured, sorted; ``local`` is always there."""
    folder = project.environments_dir
    found = {path.stem for path in folder.iterdir() if path.suffix in _SUFFIXES} if folder.is_dir() else set()
    return tuple(sorted(found | {"local"}))


def load_environment(project: Project, name: str) -> Environment:
    """The environment of that name. ``local`` needs no file. Raises ``UnknownEnvironment`` with the nearest name."""
    names = environment_names(project)
    paths = [project.environments_dir / f"{name}{suffix}" for suffix in _SUFFIXES]
    files = [path for path in paths if name in names and path.is_file()]  # a name is no path: "../x" is none
    if len(files) > 1:
        both = " and ".join(repr(project.shown(path)) for path in files)
        raise ConfigError(f"environment {name!r} has two files: {both}", hint="remove one")
    if files:
        return _read(project, files[0])
    if name in names:
        return Environment(name=name)
    near = closest(name, names)
    raise UnknownEnvironment(
        f"unknown environment {name!r}",
        hint=(f"did you mean {near!r}? " if near else "")
        + f"there are: {', '.join(names)}; "
        + (
            f"another is added as db/environments/{name}.toml"
            if name and name == PurePath(name).name and not name.startswith(".")
            else "an environment is a name, and --config takes a file"
        ),
    )


def _read(project: Project, path: Path) -> Environment:
    shown = project.shown(path)
    environment = convert(read_file(path, shown), Environment, file=shown)
    if environment.name and environment.name != path.stem:
        raise ConfigError(
            f"'name' is {environment.name!r}, but the file's name says {path.stem!r}",
            file=shown,
            hint="make them equal",
        )
    if environment.database_url is not None and not environment.database_url.strip():
        raise ConfigError("'database_url' is empty", file=shown, hint="leave the key out to use the embedded server")
    return msgspec.structs.replace(environment, name=path.stem)


def choose_environment(
    project: Project, *, env: str | None = None, config: Path | None = None, database_url: str | None = None
) -> Environment:
    """The environment that a command means.

    In this order: ``database_url``; ``env`` or ``config`` (a file as given, else in ``db/environments/``); the
    variable ``CONFITURE_ENV``; ``local``. Raises ``UsageError`` when two of the first three are given, or an empty one:
    a script's variable without a value must not choose another database.
    """
    for option, value in (("--database-url", database_url), ("--env", env), ("--config", config)):
        if value is not None and str(value).strip() in ("", "."):  # "." is what an empty path is
            raise UsageError(f"{option} has an empty value", hint="give it one, or leave the option out")
    if sum(value is not None for value in (database_url, env, config)) > 1:
        raise UsageError("--database-url, --env and --config exclude each other", hint="give one of them")
    if database_url is not None:
        return Environment(name=DATABASE_URL_NAME, database_url=database_url)
    if config is not None:
        for path in (config, project.environments_dir / config):
            if path.is_file():
                if path.suffix not in _SUFFIXES:
                    raise ConfigError(f"{str(config)!r} is neither TOML nor YAML", hint="name it .toml, .yaml or .yml")
                return _read(project, path)
        raise UnknownEnvironment(
            f"no configuration file {str(config)!r}, here or in db/environments/",
            hint=f"the environments are: {', '.join(environment_names(project))}",
        )
    return load_environment(project, env or os.environ.get("CONFITURE_ENV") or "local")
