"""Which files of a folder are migrations, and their order.

A migration is ``002_add_user_bio.py``, or the pair ``003_rename.up.sql`` and ``003_rename.down.sql`` (which may be
missing). Versions are numbers and compare by their value, so that timestamps come after ``999``. Everything else is
passed over (``__init__.py``, a README, helpers), save what looks like a migration and is none by its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from confiture.config.project import MigrationsConfig, Project
from confiture.errors import SourceError, SourceUnreadable

__all__ = ["DEFAULT_FOLDER", "MigrationFile", "find_migrations", "find_project_migrations", "migrations_folder"]

DEFAULT_FOLDER = "db/migrations"

_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<name>.+?)(?P<kind>\.py|\.up\.sql|\.down\.sql)")
#: What somebody wrote to be a migration: it begins with a number, or ends as only migrations do.
_ALIKE = re.compile(r"[0-9].*\.(py|sql)|.*\.(up|down)\.sql", re.IGNORECASE)
_FORMS = "the names are 002_add_user_bio.py, or 002_add_user_bio.up.sql with 002_add_user_bio.down.sql"


class MigrationFile(msgspec.Struct, frozen=True, kw_only=True):
    """A migration on disk. ``shown`` is how messages name its file; ``down_*`` are set for pairs of SQL files only."""

    version: str
    name: str
    path: Path
    shown: str
    down_path: Path | None = None
    down_shown: str | None = None

    @property
    def number(self) -> int:
        """What versions compare by."""
        return int(self.version)

    @property
    def is_sql(self) -> bool:
        """Whether it is a pair of SQL files, not a class."""
        return self.path.suffix == ".sql"


def migrations_folder(project: Project) -> Path:
    """``[migrations] dir``, else ``db/migrations``; it may be missing."""
    return project.root / (project.section("migrations", MigrationsConfig).dir or DEFAULT_FOLDER)


def find_project_migrations(project: Project) -> list[MigrationFile]:
    """The project's migrations in their order; none where the default folder is missing.

    Raises ``SourceUnreadable`` for a configured folder that is missing, and as :func:`find_migrations`.
    """
    folder = migrations_folder(project)
    if not os.path.lexists(folder) and project.section("migrations", MigrationsConfig).dir is None:
        return []
    return find_migrations(folder, project.shown(folder))


def find_migrations(folder: Path, shown: str) -> list[MigrationFile]:
    """The migrations of a folder, by version. ``shown`` is how messages name the folder.

    Raises ``SourceUnreadable`` for a folder that cannot be read, ``SourceError`` for two migrations of one version
    and for a file that looks like a migration and is none by its name.
    """
    prefix = "" if shown == "." else shown.rstrip("/") + "/"
    found: dict[int, MigrationFile] = {}
    downs: dict[tuple[str, str], str] = {}
    for file, match in _matching(folder, shown, prefix):
        version, name = match["version"], match["name"]
        if match["kind"] == ".down.sql":
            downs[version, name] = file
            continue
        migration = MigrationFile(version=version, name=name, path=folder / file, shown=prefix + file)
        other = found.setdefault(migration.number, migration)
        if other is not migration:
            raise SourceError(
                f"has the version of {other.shown!r}",
                file=migration.shown,
                hint="give one of them another number: the order of the two would be anybody's guess",
            )
    return [_paired(found[number], downs, folder, prefix) for number in sorted(found)] + _lonely(downs, prefix)


def _matching(folder: Path, shown: str, prefix: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The files with the name of a migration, in the order of their names."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted((entry.name, entry.is_file()) for entry in entries)
    except FileNotFoundError as error:
        raise SourceUnreadable(
            "does not exist", file=shown, hint="make the folder, or name another: `dir` under [migrations]"
        ) from error
    except OSError as error:
        raise SourceUnreadable(f"cannot be read: {error.strerror}", file=shown) from error
    for file, is_file in listed:
        if file.startswith((".", "_")):
            continue
        match = _NAME.fullmatch(file)
        if match is None:
            if _ALIKE.fullmatch(file) and is_file:
                raise SourceError("looks like a migration, and is not named like one", file=prefix + file, hint=_FORMS)
        elif not is_file:
            raise SourceError("is named like a migration, and is no file", file=prefix + file, hint=_FORMS)
        else:
            yield file, match


def _paired(migration: MigrationFile, downs: dict[tuple[str, str], str], folder: Path, prefix: str) -> MigrationFile:
    down = downs.pop((migration.version, migration.name), None) if migration.is_sql else None
    if down is None:
        return migration
    return msgspec.structs.replace(migration, down_path=folder / down, down_shown=prefix + down)


def _lonely(downs: dict[tuple[str, str], str], prefix: str) -> list[MigrationFile]:
    """Raise for a ``.down.sql`` that nothing goes before; else nothing."""
    for (version, name), file in sorted(downs.items()):
        wanted = f"{version}_{name}.up.sql"
        raise SourceError(f"has no {wanted!r} beside it", file=prefix + file, hint="write it, or remove this file")
    return []
