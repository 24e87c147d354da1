"""Writes migrations: the next number, the form that the documentation shows, nothing half written.

What is written is read back first: a migration that does not say exactly what it was given is not written.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from confiture.errors import InternalError, UsageError
from confiture.migrations.finding import MigrationFile, find_migrations
from confiture.migrations.loading import LOSES_DATA, load_class, record_class
from confiture.migrations.losing import down_loses
from confiture.migrations.naming import next_version, snake_case
from confiture.migrations.rendering import EXAMPLES, NO_WAY_BACK, known_transactional, notes_of, render, render_empty
from confiture.migrations.scripts import with_data
from confiture.model import SourceFile, Statement
from confiture.sql import read_file

__all__ = ["write_empty", "write_migration", "write_sql_pair"]

Numbering: TypeAlias = Literal["sequence", "timestamp"]

_VERSION = re.compile(r"[0-9]+")


def write_migration(
    folder: Path,
    name: str,
    up: Sequence[Statement],
    down: Sequence[Statement] | None,
    *,
    version: str | None = None,
    numbering: Numbering = "sequence",
    replaces: Sequence[str] = (),
    docstring_notes: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write ``002_add_user_bio.py`` into the folder, which is made where it is missing; the file's path.

    ``name`` may be any text, ``version`` is the next one, by ``numbering`` (``[migrations] numbering``). ``replaces``
    are the versions that it stands for. ``down`` None: the migration cannot be undone.
    ``docstring_notes`` are sections of the docstring (``{"Context": ["..."]}``); hazards, and what runs outside of a
    transaction, are added. Raises ``UsageError`` for a version or name that another migration has.
    """
    name, version = _identity(folder, name, version, numbering)
    notes = notes_of(up, down, docstring_notes or {})
    path = folder / f"{version}_{name}.py"
    text = render(version, name, up, down, notes, replaces)
    source = SourceFile(path.name, text)
    found = load_class(source, version)
    _check(path.name, up, record_class(found, source, "up").statements)
    if down is not None:
        _check(path.name, down, record_class(found, source, "down").statements)
    _write([(path, text)])
    return path


def write_sql_pair(
    folder: Path,
    name: str,
    up: Sequence[Statement],
    down: Sequence[Statement] | None,
    *,
    version: str | None = None,
    numbering: Numbering = "sequence",
    docstring_notes: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Path, Path | None]:
    """Write ``003_x.up.sql`` and ``003_x.down.sql`` (none for ``down`` None); their paths. As :func:`write_migration`.

    Raises ``UsageError`` too for a statement of which plain SQL cannot say that it runs outside of a transaction.
    """
    name, version = _identity(folder, name, version, numbering)
    notes = notes_of(up, down, docstring_notes or {})
    files: list[tuple[Path, str]] = []
    for direction, statements in (("up", up), ("down", down)):
        if statements is None:
            continue
        for statement in statements:
            if not known_transactional(statement):
                raise UsageError(
                    f"plain SQL cannot say that this runs outside of a transaction: {statement.sql.splitlines()[0]}",
                    hint="write the migration as Python",
                )
        path = folder / f"{version}_{name}.{direction}.sql"
        text = _script(version, name, statements, notes if direction == "up" else {})
        if direction == "down" and down_loses(up, down):
            text = f"-- {LOSES_DATA}\n{text}"
        _check(path.name, statements, read_file(SourceFile(path.name, text), migration=True))
        files.append((path, text))
    _write(files)
    return files[0][0], files[1][0] if len(files) > 1 else None


def write_empty(folder: Path, name: str, *, sql: bool = False, numbering: Numbering = "sequence") -> tuple[Path, ...]:
    """Write a migration that is still to be filled in: a class, or a pair of SQL files; their paths.

    Raises ``UsageError`` as :func:`write_migration`.
    """
    name, version = _identity(folder, name, None, numbering)
    if sql:
        up, down = (f"-- {example};\n" for example in EXAMPLES)
        down = f"-- {NO_WAY_BACK.format('file')}\n{down}"
        files = [
            (folder / f"{version}_{name}.{direction}.sql", f"{_script(version, name, (), {})}\n{text}")
            for direction, text in (("up", up), ("down", down))
        ]
    else:
        files = [(folder / f"{version}_{name}.py", render_empty(version, name))]
        load_class(SourceFile(files[0][0].name, files[0][1]), version)
    _write(files)
    return tuple(path for path, _ in files)


def _identity(folder: Path, name: str, version: str | None, numbering: Numbering) -> tuple[str, str]:
    """The name and the version, neither of them taken."""
    name = snake_case(name)
    others = find_migrations(folder, folder.name) if folder.exists() else []
    if version is None:
        version = next_version(others, numbering)
    elif not (version.isascii() and _VERSION.fullmatch(version)):
        raise UsageError(f"the version {version!r} is not a number", hint="digits only, such as 002")
    for other in others:
        _refuse_taken(other, name, version)
    return name, version


def _refuse_taken(other: MigrationFile, name: str, version: str) -> None:
    if other.number == int(version):
        raise UsageError(f"the version {version!r} is taken by {other.shown!r}", hint="leave it out for the next one")
    if other.name == name:
        raise UsageError(f"the name {name!r} is taken by {other.shown!r}", hint="give it another name")


def _script(version: str, name: str, statements: Sequence[Statement], notes: Mapping[str, Sequence[str]]) -> str:
    text = f"-- Migration: {name}\n-- Version: {version}\n"
    for title, lines in notes.items():
        text += f"--\n-- {title}:\n" + "".join(f"--   - {' '.join(line.split())}\n" for line in lines)
    for statement in statements:
        comments = [f"Hazard {hazard.kind}: {hazard.message}" for hazard in statement.hazards]
        comments += [] if statement.transactional else ["Outside of a transaction."]
        text += "\n" + "".join(f"-- {' '.join(comment.split())}\n" for comment in comments)
        text += with_data(statement) + "\n"
    return text


def _check(shown: str, given: Sequence[Statement], read: Sequence[Statement]) -> None:
    """What is read back is what was given."""
    for number in range(max(len(given), len(read))):
        one, other = (list(each[number : number + 1]) for each in (given, read))
        if [_content(each) for each in one] != [_content(each) for each in other]:
            what = (one or other)[0].sql
            raise InternalError(f"{shown!r} would not say what it is given: {what!r}")


def _content(statement: Statement) -> tuple[str, bool, bytes | None]:
    return statement.sql, statement.transactional, statement.copy_data


def _write(files: Sequence[tuple[Path, str]]) -> None:
    """All of the files or none, each whole; one that is there already is never replaced."""
    done: list[Path] = []
    try:
        for path, text in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_new(path, text)
            done.append(path)
    except FileExistsError as error:
        _remove(done)
        raise UsageError(
            f"{path.name!r} is there already", hint="somebody else wrote it meanwhile: run again"
        ) from error
    except OSError as error:
        _remove(done)
        raise UsageError(
            f"{str(path)!r} cannot be written: {error.strerror}", hint="is the folder writable?"
        ) from error


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _write_new(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp gives nobody else a right to read: a migration is a file like others.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # noqa: PTH101
        # Unlike a rename, a link fails where another run has written the same name.
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
    finally:
        os.unlink(temporary)  # noqa: PTH108
