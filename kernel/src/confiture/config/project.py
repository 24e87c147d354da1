"""A project: a folder with ``confiture.toml`` or ``db/schema/``, and what that file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from confiture.config.reading import convert, read_file
from confiture.errors import ConfigError, ProjectNotFound
from confiture.registry import closest

__all__ = ["CONFIG_FILE", "MigrationsConfig", "PluginsConfig", "Project", "ProjectConfig", "ScratchConfig"]

CONFIG_FILE = "confiture.toml"
#: The tables that belong to the kernel; every other table belongs to the provider or plugin of its name.
KERNEL_SECTIONS = frozenset({"project", "plugins", "prefer", "scratch", "files", "migrations"})

S = TypeVar("S")


class ProjectConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[project]``. ``name`` (default: the folder's) is in the names of databases on the embedded server;
    ``source`` chooses the provider that loads the schema."""  # noqa: D205, D209

    name: str | None = None
    source: str = "files"


class PluginsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[plugins]``. ``disable`` lists plugins that are not even imported."""

    disable: tuple[str, ...] = ()


class ScratchConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[scratch]``. ``url`` names the server for scratch databases; without it ``server`` provides one."""

    url: str | None = None
    server: str = "embedded"


class MigrationsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[migrations]``. ``dir`` is the folder of the migration files, relative to the project's root; None means
    ``db/migrations``, which may be missing. ``schema`` and ``table`` name the tracking table. ``numbering``: how new
    migrations are numbered; ``allow_gaps``: a number may be missing between two."""  # noqa: D205, D209

    dir: str | None = None
    schema: str = "confiture"
    table: str = "confiture_migrations"
    numbering: Literal["sequence", "timestamp"] = "sequence"
    allow_gaps: bool = False


class Project:
    """A project's root folder and its configuration, read once.

    ``root`` may be a folder with no configuration at all: then every section has its defaults.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project that ``start`` (default: the working folder) is in. Raises ``ProjectNotFound``."""
        folder = (start or Path.cwd()).absolute()
        for candidate in (folder, *folder.parents):
            if (candidate / CONFIG_FILE).is_file() or (candidate / "db" / "schema").is_dir():
                return cls(candidate)
        raise ProjectNotFound(
            f"no confiture project in {str(folder)!r} or above",
            hint="a project has confiture.toml or db/schema/; go to one, or run `confiture init`",
        )

    @property
    def name(self) -> str:
        """``[project] name``, else the folder's name."""
        return self.section("project", ProjectConfig).name or self.root.name or "project"

    @property
    def state_dir(self) -> Path:
        """``.confiture/``: servers' data and caches, never in version control."""
        return self.root / ".confiture"

    @property
    def environments_dir(self) -> Path:
        """``db/environments/``."""
        return self.root / "db" / "environments"

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """``confiture.toml`` as it stands, {} where there is none."""
        path = self.root / CONFIG_FILE
        return read_file(path, CONFIG_FILE) if path.is_file() else {}

    def section(self, name: str, type_: type[S]) -> S:
        """The table ``[name]`` as a struct. Raises ``ConfigError``."""
        value = self.document.get(name, {})
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name!r} must be a table: [{name}]", file=CONFIG_FILE)
        return convert(value, type_, file=CONFIG_FILE, section=name)

    def check_sections(self, owners: Iterable[str]) -> None:
        """Refuse tables that neither the kernel nor one of ``owners`` (plugins and providers) knows."""
        known = KERNEL_SECTIONS | set(owners)
        for name in self.document:
            if name not in known:
                near = closest(name, known)
                if name in ("environment", "environments"):
                    hint = "an environment is a file of its own: db/environments/<name>.toml"
                else:
                    hint = f"did you mean [{near}]? " if near else ""
                    hint += f"the tables are: {', '.join(sorted(known))}"
                raise ConfigError(
                    f"unknown table [{name}]",
                    file=CONFIG_FILE,
                    hint=hint,
                )

    def shown(self, path: Path) -> str:
        """How messages name a path: relative to the project where it is inside, always with ``/``."""
        try:
            return path.absolute().relative_to(self.root.absolute()).as_posix()
        except ValueError:
            return path.as_posix()
