"""The file of PgBouncer's settings: one database's line in it, read and rewritten."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from confiture.errors import ConfigError

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Line", "file_of", "find", "rewrite"]

_SECTION = "[databases]"
_COMMENTS = (";", "#")
Pairs = list[tuple[str, str]]


class Line:
    """A database's line: ``number`` from 0 in ``lines``, what stands before its value, and the value's pairs."""

    def __init__(self, lines: list[str], number: int, before: str, pairs: Pairs) -> None:
        self.lines, self.number, self._before, self._pairs = lines, number, before, pairs

    def leads_to(self, place: dict[str, str]) -> bool:
        """Whether it says that already."""
        found = dict(self._pairs)
        return all(found.get(key) == value for key, value in place.items())

    def led_to(self, place: dict[str, str]) -> str:
        """The whole file's text, with this line leading to ``place``; whatever else it says is kept."""
        kept = [(key, place.get(key, value)) for key, value in self._pairs]
        kept += [(key, value) for key, value in place.items() if key not in dict(self._pairs)]
        ending = self.lines[self.number][len(self.lines[self.number].rstrip("\r\n")) :]
        text = self._before + " ".join(f"{key}={_quoted(value)}" for key, value in kept) + ending
        return "".join([*self.lines[: self.number], text, *self.lines[self.number + 1 :]])


def file_of(ctx: Context, name: str) -> Path:
    """The file of that name: relative to the project, ``~`` is the home folder."""
    return ctx.project.root / Path(name).expanduser()


def find(path: Path, database: str) -> Line:
    """The line of ``database``. Raises ``ConfigError`` where there is none, or more than one, or it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            lines = file.read().splitlines(keepends=True)
    except OSError as error:
        raise ConfigError(
            f"PgBouncer's file {str(path)!r} cannot be read: {str(error.strerror).lower()}",
            hint="name the file that has the section [databases], or a `command` that rewrites it",
        ) from error
    inside, found = False, []
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith("["):
            inside = text.lower() == _SECTION
        elif inside and text and not text.startswith(_COMMENTS):
            name, value = _name(line)
            if name == database:
                found.append((number, line[:value], _pairs(line[value:], path, number)))
    if len(found) != 1:
        raise ConfigError(
            f"PgBouncer's file {str(path)!r} has {'no line' if not found else 'several lines'} for the database "
            f"{database!r} in {_SECTION}",
            hint=f"write one: {database} = host=... port=... dbname=...; a file that is included is named itself",
        )
    return Line(lines, *found[0])


def rewrite(path: Path, database: str, place: dict[str, str]) -> None:
    """Have the line lead to ``place`` (host, port, dbname), in one step; nothing where it does so already.

    The file keeps its owner, as far as this process may, and its mode. Raises ``ConfigError``.
    """
    path = path.resolve()
    line = find(path, database)
    if line.leads_to(place):
        return
    try:
        known = path.stat()
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(line.led_to(place))
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(stat.S_IMODE(known.st_mode))
            with suppress(PermissionError):
                os.chown(name, known.st_uid, known.st_gid)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(
            f"PgBouncer's file {str(path)!r} cannot be rewritten: {str(error.strerror).lower()}",
            hint="let this user write to its folder, or name a `command` that rewrites it",
        ) from error


def _name(line: str) -> tuple[str | None, int]:
    """The name before the first ``=``, without its quotes, and where the value begins."""
    start = len(line) - len(line.lstrip())
    if line[start] == '"':
        at, name = start + 1, ""
        while (end := line.find('"', at)) >= 0:
            name += line[at:end]
            at = end + 1
            if line[at : at + 1] != '"':
                break
            name, at = name + '"', at + 1
    else:
        at = line.find("=")
        name = line[start:at].strip()
    equals = line.find("=", at)
    if at < 0 or equals < 0:
        return None, 0
    value = equals + 1
    return name, value + len(line[value:]) - len(line[value:].lstrip(" \t"))


def _pairs(text: str, path: Path, number: int) -> Pairs:
    pairs, rest = [], text.strip()
    while rest:
        key, equals, rest = rest.partition("=")
        rest = rest.lstrip()
        if not equals:
            raise ConfigError(
                "a database's line is not made of key=value pairs",
                file=str(path),
                line=number + 1,
                hint="write host=... port=... dbname=...",
            )
        if not rest.startswith("'"):
            value, *more = rest.split(maxsplit=1)
            rest = more[0] if more else ""
        else:
            value, at = "", 1
            while (end := rest.find("'", at)) >= 0 and rest[end + 1 : end + 2] == "'":
                value, at = value + rest[at : end + 1], end + 2
            if end < 0:
                raise ConfigError("a quote is not closed", file=str(path), line=number + 1, hint="close it")
            value, rest = value + rest[at:end], rest[end + 1 :]
        pairs.append((key.strip(), value))
        rest = rest.lstrip()
    return pairs


def _quoted(value: str) -> str:
    plain = value and not any(c.isspace() or c == "'" for c in value)
    return value if plain else "'" + value.replace("'", "''") + "'"
