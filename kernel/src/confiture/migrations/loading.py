"""Migration files read into plans. Reading one runs its Python and touches no database."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import itertools
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Literal

from confiture.errors import ConfitureError, Irreversible, Refused, SourceError, SourceUnreadable, SyntaxInvalid
from confiture.migrations.finding import MigrationFile
from confiture.migrations.recording import place_calls
from confiture.model import Plan, SourceFile
from confiture.models.migration import Migration
from confiture.sql import read_script
from confiture.sql.comments import comments_of
from confiture.sqlfiles.decoding import decode_sql

if TYPE_CHECKING:
    from confiture.models.migration import Reader

__all__ = [
    "LOSES_DATA",
    "ReadMigration",
    "checksum_of",
    "load_class",
    "read_migration",
    "record_class",
    "record_migration",
]

#: The comment by which an SQL file says that data may go.
LOSES_DATA = "confiture: loses-data"

_numbers = itertools.count()


class ReadMigration:
    """A migration's files as they were read: what it says of itself, and what it does in each direction.

    ``checksum`` is a SHA-256 of what ``up`` is written in (the class's file, or the ``.up.sql``), whatever its line
    ends are. ``loses_data`` are the directions in which it declares that data may go, ``replaces`` the versions that
    it was squashed from.
    """

    def __init__(self, file: MigrationFile, source: SourceFile, class_: type[Migration] | None) -> None:
        self.file = file
        self.source = source
        self.class_ = class_
        self.checksum = _checksum(source.sql)
        self.loses_data: tuple[str, ...] = ()
        self.replaces: tuple[str, ...] = ()
        if class_ is not None:
            self.loses_data = _names(class_, "loses_data", source, ("up", "down"))
            self.replaces = _names(class_, "replaces", source, None)

    def reads(self, direction: Literal["up", "down"]) -> bool:
        """Whether that direction is async, so that only a database can tell what it does."""
        return self.class_ is not None and inspect.iscoroutinefunction(getattr(self.class_, direction))

    @property
    def reversible(self) -> bool:
        """Whether there is a way back, as far as can be told without running it."""
        if self.class_ is None:
            return self.file.down_path is not None
        return self.class_.down is not Migration.down

    def declares_loss(self, direction: Literal["up", "down"]) -> bool:
        """Whether it says itself that data may go: ``loses_data`` of the class, or a comment in the SQL file."""
        if self.class_ is not None:
            return direction in self.loses_data
        source = self.source if direction == "up" else self._down_source()
        return any(comment.strip() == LOSES_DATA for comment in comments_of(source.sql))

    def record(self, direction: Literal["up", "down"] = "up") -> Plan:
        """See :func:`record_migration`."""
        if self.class_ is not None:
            return record_class(self.class_, self.source, direction)
        return read_script([self.source if direction == "up" else self._down_source()], migration=True)

    async def record_live(self, direction: Literal["up", "down"], reader: Reader) -> Plan:
        """The same, where ``reader`` answers ``self.fetch``: for those that read."""
        if self.class_ is None or not self.reads(direction):
            return self.record(direction)
        with _guarded(self.source, f"{direction}()"):
            migration = self.class_()
            migration._source = self.source
            migration._reader = reader
            try:
                await getattr(migration, direction)()
            except (Refused, SourceError) as error:
                if error.file is None:
                    error.file, error.line = self.source.path, _line_of(self.class_, self.source, direction)
                raise
        return place_calls(self.source, migration._calls())

    def _down_source(self) -> SourceFile:
        file = self.file
        if file.down_path is None or file.down_shown is None:
            down = file.shown.removesuffix(".up.sql") + ".down.sql"
            raise Irreversible(
                f"the migration {file.version!r} cannot be undone: there is no {down!r}",
                file=file.shown,
                hint="write that file, with what takes it back",
            )
        return SourceFile(file.down_shown, _read(file.down_path, file.down_shown))


def read_migration(file: MigrationFile) -> ReadMigration:
    """Read a migration. Runs the Python of a class's file, once. Raises ``SourceError`` and its kin."""
    if file.is_sql:
        return ReadMigration(file, SourceFile(file.shown, _read(file.path, file.shown)), None)
    source = SourceFile(file.shown, _python(_read(file.path, file.shown)))
    return ReadMigration(file, source, load_class(source, file.version))


def checksum_of(file: MigrationFile) -> str:
    """The checksum of :class:`ReadMigration`, from the text alone: nothing is run. Raises ``SourceUnreadable``."""
    return _checksum(_read(file.path, file.shown))


def record_migration(file: MigrationFile, direction: Literal["up", "down"] = "up") -> Plan:
    """What the migration does in that direction.

    The origins point into the plan's sources (see :func:`confiture.migrations.recording.place_calls`). Raises
    ``SourceError`` and its kin with file and line, ``Irreversible`` for a ``down`` that is not defined.
    """
    return read_migration(file).record(direction)


def _names(
    class_: type[Migration], attribute: str, source: SourceFile, known: tuple[str, ...] | None
) -> tuple[str, ...]:
    value = getattr(class_, attribute)
    value = (value,) if isinstance(value, str) else value
    if isinstance(value, tuple | list) and all(
        isinstance(one, str) and (one in known if known else one.isdecimal()) for one in value
    ):
        return tuple(value)
    raise SourceError(
        f"{class_.__name__!r} has {attribute} = {value!r}",
        file=source.path,
        line=_line_of(class_, source),
        hint=f"a tuple of {' and '.join(map(repr, known))}" if known else 'a tuple of versions, such as ("001", "002")',
    )


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


def _checksum(text: str) -> str:
    return hashlib.sha256(_python(text).encode()).hexdigest()


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
