"""The base of a project's migrations. Importing it loads nothing heavy, and connects to nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from confiture.errors import Irreversible, SourceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from confiture.migrations.recording import Call
    from confiture.model import SourceFile, Statement

    Reader: TypeAlias = Callable[..., Awaitable[list[Any]]]

__all__ = ["Migration"]

#: Rows that a batch of :meth:`Migration.backfill` takes: a commit every few hundred milliseconds.
_BATCH_ROWS = 10_000


class Migration:
    """One step of a database's history, and the way back.

    ``version`` and ``name`` are those of the file, ``002_add_user_bio.py``. ``up`` and ``down`` do not touch a
    database: what they execute is recorded, and run later by whoever runs migrations::

        class AddUserBio(Migration):
            version = "002"
            name = "add_user_bio"

            def up(self) -> None:
                self.execute("ALTER TABLE users ADD COLUMN bio TEXT")

            def down(self) -> None:
                self.execute("ALTER TABLE users DROP COLUMN bio")
    """

    version: ClassVar[str] = ""
    name: ClassVar[str] = ""
    #: The directions in which data may go: ``("up",)``, ``("down",)`` or both. Without it ``--allow-data-loss`` is
    #: asked for; not for a ``down`` that destroys only what ``up`` made.
    loses_data: ClassVar[tuple[str, ...]] = ()
    #: The versions that this one stands for, where it is a baseline that others were squashed into.
    replaces: ClassVar[tuple[str, ...]] = ()

    #: What answers :meth:`fetch`, where there is a database.
    _reader: Reader | None = None
    #: The text that the class was read from, where it is known: errors then point into it.
    _source: SourceFile | None = None

    def up(self) -> None:
        """Apply the migration. Raises ``SourceError`` where the class does not define it."""
        raise SourceError(f"{type(self).__name__!r} defines no method 'up'", hint="def up(self) -> None: ...")

    def down(self) -> None:
        """Take it back. Raises ``Irreversible`` where the class does not define it."""
        raise Irreversible(
            f"the migration {self.version!r} cannot be undone: {type(self).__name__!r} defines no method 'down'",
            hint="write one that takes back what 'up' does",
        )

    def execute(self, sql: str, *, transactional: bool | None = None) -> None:
        """Record the statements of ``sql``, one or several.

        Whether a statement can run in a transaction is known from PostgreSQL's own grammar; ``transactional=False``
        says so of what the grammar cannot know: a CALL of a procedure that commits. Text that is indented is taken
        to begin where its first line does, unless a string or the body of a function goes over several lines.

        Raises ``SyntaxInvalid`` and ``UnsupportedScript``, which point into the migration.
        """
        from confiture.migrations.recording import read_call

        self._record(read_call(sql, *self._caller(), self._source, transactional))

    def backfill(self, table: str, *, set: str, where: str, batch_rows: int = _BATCH_ROWS) -> None:  # noqa: A002
        """Record an UPDATE that is done in batches, each in a transaction of its own, so that it locks few rows.

        ``set`` is what stands behind SET, ``where`` the condition: it must no longer hold for a row that is done,
        so that the work ends, and can go on after a failure. ``batch_rows``: about as many rows are in a batch.

        Raises ``SyntaxInvalid`` and ``SourceError``.
        """
        from confiture.migrations.backfill import backfill_statement
        from confiture.migrations.recording import typed_call

        file, line = self._caller()
        self._record(typed_call(backfill_statement, file, line, table, set, where, batch_rows))

    def fetch(self, sql: str, *args: Any) -> Awaitable[list[Any]]:
        """The rows of a query, for ``async def up(self)`` that must read before it writes.

        It reads the database as it is before this migration, in one snapshot and read-only: what the migration itself
        executes is recorded, and has not happened yet. Rows are asyncpg's records; ``$1`` in ``sql`` is the first of
        ``args``. Raises ``SourceError`` in a method that is not async, and where there is no database.
        """
        if self._reader is None:
            raise SourceError(
                f"{type(self).__name__!r} reads the database, and there is none",
                hint="only `async def up` and `async def down` may fetch, and only where they are run on a database",
            )
        return self._reader(sql, *args)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """What was recorded so far."""
        return tuple(statement for call in self._calls() for statement in call.statements)

    def _calls(self) -> list[Call]:
        # Not made in __init__: a subclass may have one of its own that does not call this class's.
        calls: list[Call] = self.__dict__.setdefault("_recorded", [])
        return calls

    def _record(self, call: Call) -> None:
        self._calls().append(call)

    def _caller(self) -> tuple[str, int]:
        """The file and line that called the method which calls this: in the migration's own file, if it is known."""
        caller = frame = sys._getframe(2)
        while frame is not None and self._source is not None:
            if frame.f_code.co_filename == self._source.path:
                caller = frame
                break
            frame = frame.f_back  # type: ignore[assignment]
        return caller.f_code.co_filename, caller.f_lineno
