"""One connection at work: runs batches, finds the statement that failed, passes on what the server says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confiture.model import Logged, Plan, Statement, WarningRaised
from confiture_runner.batches import SEPARATOR, Batch
from confiture_runner.failures import failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

    from confiture.protocols import Connection, Context

__all__ = ["Session"]

_SAVE = f"SAVEPOINT confiture_batch{SEPARATOR}"
_RELEASE = f"{SEPARATOR}RELEASE SAVEPOINT confiture_batch"
#: COPY data goes out in pieces of this size, so that the driver does not hold a second copy of all of it.
_COPY_CHUNK_BYTES = 512 * 1024
#: The whole batch fails for these, and running its statements one by one would only do harm or take time:
#: the disk is full, somebody cancelled or a timeout struck.
_NOT_REPLAYED = frozenset({"53100", "57014"})
_QUIET = frozenset({"DEBUG", "LOG", "INFO", "NOTICE"})


class Session:
    """A connection and the plan that it runs. ``atomic`` True: it is in a transaction that must go on whole."""

    def __init__(self, ctx: Context, connection: Connection, plan: Plan, *, atomic: bool) -> None:
        self.connection = connection
        self._ctx = ctx
        self._plan = plan
        self._atomic = atomic
        self._batch: Batch | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Pass the server's notices on to the run's observers."""
        self.connection.add_log_listener(self._log)
        try:
            yield
        finally:
            if not self.connection.is_closed():
                self.connection.remove_log_listener(self._log)

    async def run(self, batch: Batch) -> int:
        """Run the batch; the number of rows that it copied. Raises ``StatementFailed`` and its kin.

        Where several fail together, they are run again one by one: alone a statement has an error with a position,
        and where nothing holds them together (not atomic) that is what psql does, so that it may even succeed.
        """
        import asyncpg

        self._batch = batch
        if len(batch.numbers) == 1:
            return await self._run_one(batch)
        try:
            await self.connection.execute(f"{_SAVE}{batch.text}{_RELEASE}" if self._atomic else batch.text)
        except asyncpg.PostgresError as error:
            if self.connection.is_closed():
                raise
            if self._atomic and error.position:
                number, position = batch.locate(int(error.position) - len(_SAVE))
                raise failure(self._plan, number, error, position) from error
            if error.sqlstate in _NOT_REPLAYED:
                raise failure(self._plan, batch.numbers[0], error) from error
            await self._replay(batch, error)
        return 0

    async def try_run(self, batch: Batch) -> int | None:
        """Like :meth:`run` for a batch that others run beside; None where it failed and is to be run again, alone."""
        import asyncpg

        self._batch = batch
        try:
            if len(batch.numbers) == 1:
                return await self._send(self._plan.statements[batch.numbers[0]])
            await self.connection.execute(batch.text)
        except asyncpg.PostgresError as error:
            if self.connection.is_closed():
                raise
            if error.sqlstate in _NOT_REPLAYED:
                raise failure(self._plan, batch.numbers[0], error) from error
            self._note_replay(batch, error)
            return None
        return 0

    async def _replay(self, batch: Batch, error: asyncpg.PostgresError) -> None:
        self._note_replay(batch, error)
        if self._atomic:
            await self.connection.execute("ROLLBACK TO SAVEPOINT confiture_batch")
        for single in batch.split(self._plan.statements):
            self._batch = single
            await self._run_one(single)
        if self._atomic:
            await self.connection.execute("RELEASE SAVEPOINT confiture_batch")

    async def _run_one(self, batch: Batch) -> int:
        import asyncpg

        number = batch.numbers[0]
        try:
            return await self._send(self._plan.statements[number])
        except asyncpg.PostgresError as error:
            if self.connection.is_closed():
                raise
            raise failure(self._plan, number, error, int(error.position) if error.position else None) from error

    async def _send(self, statement: Statement) -> int:
        timeouts = {
            name: f"{round(seconds * 1000)}ms"
            for name, seconds in (
                ("lock_timeout", statement.lock_timeout_s),
                ("statement_timeout", statement.statement_timeout_s),
            )
            if seconds is not None
        }
        if not timeouts:
            return await self._send_bare(statement)
        before = {name: await self._set(name, value) for name, value in timeouts.items()}
        rows = await self._send_bare(statement)
        for name, value in before.items():
            await self._set(name, value)
        return rows

    async def _set(self, name: str, value: str) -> str:
        """Set it, in a transaction only for its rest; the value before. A failure is not undone: the run ends."""
        before: str = await self.connection.fetchval("SELECT current_setting($1)", name)
        await self.connection.fetchval("SELECT set_config($1, $2, $3)", name, value, self._atomic)
        return before

    async def _send_bare(self, statement: Statement) -> int:
        if statement.copy_data is None:
            await self.connection.execute(statement.sql)
            return 0
        # The driver's public copy_to_table writes a COPY statement of its own; only this takes the file's, with all
        # of its options. It is what copy_to_table itself calls (asyncpg 0.30 to 0.32).
        driver: Any = self.connection
        tag: str = await driver._copy_in(statement.sql, _chunks(statement.copy_data), None)
        return int(tag.split()[-1])

    def _note_replay(self, batch: Batch, error: asyncpg.PostgresError) -> None:
        self._ctx.emit(
            Logged(
                message="a batch failed: its statements run again one by one",
                fields={"statements": len(batch.numbers), "sqlstate": error.sqlstate, "reason": str(error.message)},
            )
        )

    def _log(self, connection: object, message: Any) -> None:
        fields: dict[str, str | int | float | bool | None] = {"severity": message.severity_en or message.severity}
        if files := self._files():
            fields["file"] = files
        text = str(message.message)
        if fields["severity"] in _QUIET:
            self._ctx.emit(Logged(message=text, fields=fields))
        else:
            self._ctx.emit(WarningRaised(message=f"{files}: {text}" if files else text, hint=message.hint))

    def _files(self) -> str:
        """The file that the running batch is from, or the first and last one."""
        numbers = self._batch.numbers if self._batch else ()
        origins = [self._plan.statements[number].origin for number in (*numbers[:1], *numbers[-1:])]
        names = dict.fromkeys(origin.file for origin in origins if origin is not None)
        return " to ".join(names)


async def _chunks(data: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(data)
    for start in range(0, len(view), _COPY_CHUNK_BYTES):
        yield view[start : start + _COPY_CHUNK_BYTES]
