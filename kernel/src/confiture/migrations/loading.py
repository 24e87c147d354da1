"""Migration files read into plans. Reading one runs its Python and touches no database."""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Literal

from confiture.errors import ConfitureError, Refused, SourceError, SourceUnreadable, SyntaxInvalid
from confiture.migrations.finding import MigrationFile
from confiture.migrations.recording import place_calls
from confiture.model import Plan, SourceFile
from confiture.models.migration import Migration
from confiture.sql import read_script
from confiture.sqlfiles.decoding import decode_sql

__all__ = ["load_class", "record_class", "record_migration"]

_numbers = itertools.count()


def record_migration(file: MigrationFile, direction: Literal["up", "down"] = "up") -> Plan:
    """What the migration does in that direction.

    The origins point into the plan's sources (see :func:`confiture.migrations.recording.place_calls`). Raises
    ``SourceError`` and its kin with file and line, ``Refused`` for a ``down`` that is not defined.
    """
    if not file.is_sql:
        source = SourceFile(file.shown, _python(_read(file.path, file.shown)))
        return record_class(load_class(source, file.version), source, direction)
    if direction == "up":
        return read_script([SourceFile(file.shown, _read(file.path, file.shown))])
    if file.down_path is None or file.down_shown is None:
        down = file.shown.removesuffix(".up.sql") + ".down.sql"
        raise Refused(
            f"the migration {file.version!r} cannot be undone: there is no {down!r}",
            file=file.shown,
            hint="write that file, with what takes it back",
        )
    return read_script([SourceFile(file.down_shown, _read(file.down_path, file.down_shown))])


def load_class(source: SourceFile, version: str) -> type[Migration]:
    """The one class of the file that derives from ``Migration``; ``version`` is that of the file's name.

    Raises ``SyntaxInvalid`` for text that is no Python, ``SourceError`` where it raises or prints something, has no
    such class, or one of another version.
    """
    module = _run(source)
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Migration) and value.__module__ == module.__name__
    ]
    # A class that another one here derives from is a base that they share.
    ends = [
        one
        for one in dict.fromkeys(classes)
        if not any(one is not other and issubclass(other, one) for other in classes)
    ]
    if len(ends) != 1:
        names = ", ".join(repr(one.__name__) for one in ends)
        raise SourceError(
            f"defines several migrations: {names}" if ends else "defines no migration",
            file=source.path,
            hint="a file holds one class that derives from confiture.models.migration.Migration",
        )
    (found,) = ends
    if not isinstance(found.version, str) or found.version != version:
        raise SourceError(
            f"{found.__name__!r} has version = {found.version!r}, and the file's name says {version!r}",
            file=source.path,
            line=_line_of(found, source),
            hint=f'write version = "{version}", or rename the file',
        )
    return found


def record_class(class_: type[Migration], source: SourceFile, direction: Literal["up", "down"]) -> Plan:
    """What the class does in that direction. Raises as :func:`record_migration`."""
    method = getattr(class_, direction)
    line = _line_of(class_, source, direction)
    if inspect.iscoroutinefunction(method):
        raise SourceError(
            f"'{direction}' of {class_.__name__!r} is async: it reads the database before it writes",
            file=source.path,
            line=line,
            hint="such a migration can only be run on a database; write `def`, without fetch(), where it need not read",
        )
    with _guarded(source, f"{direction}()"):
        migration = class_()
        migration._source = source
        try:
            getattr(migration, direction)()
        except (Refused, SourceError) as error:
            if error.file is None:
                error.file, error.line = source.path, line
            raise
    return place_calls(source, migration._calls())


def _read(path: Path, shown: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"cannot be read: {error.strerror}", file=shown) from error
    return decode_sql(data, shown)


def _python(text: str) -> str:
    """With the ends of lines that Python's own reading gives: lines must count as the compiler counts them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _run(source: SourceFile) -> ModuleType:
    try:
        code = compile(source.sql, source.path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line, column, text = (getattr(error, name, None) for name in ("lineno", "offset", "text"))
        raise SyntaxInvalid(
            f"is not valid Python: {getattr(error, 'msg', error)}",
            file=source.path,
            line=line,
            column=column,
            source_line=text.rstrip("\n") if text else None,
        ) from error
    module = ModuleType(f"_migration_{next(_numbers)}")
    module.__file__ = source.path
    # Dataclasses look their module up while their class is made.
    sys.modules[module.__name__] = module
    try:
        with _guarded(source, "it"):
            exec(code, vars(module))  # noqa: S102 - a migration is a program
    finally:
        del sys.modules[module.__name__]
    return module


@contextlib.contextmanager
def _guarded(source: SourceFile, what: str) -> Iterator[None]:
    """Make errors of what the migration prints and raises meanwhile."""
    listener = _Listener(source.path, sys.stdout)
    with contextlib.redirect_stdout(listener):
        try:
            yield
        except ConfitureError:
            raise
        except (Exception, SystemExit) as error:
            lines = [
                frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source.path
            ]
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            raise SourceError(
                f"{what} raised {said}",
                file=source.path,
                line=lines[-1] if lines else None,
                hint="a migration is read before it is run, with no database at hand",
            ) from error
    if listener.line is not None:
        raise SourceError(
            f"{what} printed something",
            file=source.path,
            line=listener.line,
            hint="remove it: what a migration does is recorded, and shown with --dry-run",
        )


class _Listener(io.TextIOBase):
    """Passes on what others print, and keeps the line of the migration that did."""

    def __init__(self, path: str, stdout: io.TextIOBase | object) -> None:
        self._path = path
        self._stdout = stdout
        self.line: int | None = None

    def write(self, text: str) -> int:
        """Other threads may print meanwhile: only what comes from the migration's own code is kept back."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != self._path:
            frame = frame.f_back
        if frame is None:
            return int(self._stdout.write(text))  # type: ignore[union-attr]
        self.line = self.line or frame.f_lineno
        return len(text)


def _line_of(class_: type[Migration], source: SourceFile, method: str | None = None) -> int | None:
    """Where the class, or its method, is defined."""
    function = vars(class_).get(method) if method else None
    if function is not None:
        return int(inspect.unwrap(function).__code__.co_firstlineno)
    lines = source.sql.split("\n")
    return next((n for n, text in enumerate(lines, 1) if text.startswith(f"class {class_.__name__}")), None)
