"""One connection at work: runs batches, finds the statement that failed, passes on what the server says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confiture.errors import ConfitureError
from confiture.migrations.backfill import Backfill
from confiture.model import Execution, Logged, Measurement, Plan, Statement, WarningRaised
from confiture_runner.batches import SEPARATOR, Batch
from confiture_runner.failures import LOCKED, WAITED, failure, is_lost
from confiture_runner.limits import limited, limits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import asyncpg

    from confiture.protocols import Connection, Context
    from confiture_runner.leftovers import Leftover

__all__ = ["Session"]

_SAVE = f"SAVEPOINT confiture_batch{SEPARATOR}"
_RELEASE = f"{SEPARATOR}RELEASE SAVEPOINT confiture_batch"
#: COPY data goes out in pieces of this size, so that the driver does not hold a second copy of all of it.
_COPY_CHUNK_BYTES = 512 * 1024
#: The whole batch fails for these. A deadlock between connections of ours is another matter: each goes on alone.
_NOT_REPLAYED = WAITED - LOCKED
_QUIET = frozenset({"DEBUG", "LOG", "INFO", "NOTICE"})


class Session:
    """A connection and the plan that it runs. ``given``: the connection is the caller's.

    ``batch`` is what runs, for messages; ``number`` the statement that failed last, where that is known. ``retries``
    counts how often a lock made it begin again, ``measured`` is what the statements took, where that was asked for;
    ``leftovers`` are invalid indexes of ours that could not be dropped in time.
    """

    def __init__(
        self, ctx: Context, connection: Connection, plan: Plan, execution: Execution, *, given: bool = False
    ) -> None:
        self.ctx = ctx
        self.connection = connection
        self.plan = plan
        self.execution = execution
        self.given = given
        self.batch: Batch | None = None
        self.number: int | None = None
        self.retries = 0
        self.measured: list[Measurement] = []
        self.leftovers: list[Leftover] = []

    def failed(self, number: int, error: ConfitureError) -> ConfitureError:
        """Remember which statement it was."""
        self.number = number
        return error

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

        self.batch = batch
        if len(batch.numbers) == 1:
            return await self._run_one(batch)
        try:
            await self.connection.execute(f"{_SAVE}{batch.text}{_RELEASE}" if self.execution.atomic else batch.text)
        except asyncpg.PostgresError as error:
            if is_lost(self.connection, error):
                raise
            if self.execution.atomic and error.position:
                number, position = batch.locate(int(error.position) - len(_SAVE))
                raise self.failed(number, failure(self.plan, number, error, position)) from error
            if error.sqlstate in _NOT_REPLAYED:
                raise self.failed(batch.numbers[0], failure(self.plan, batch.numbers[0], error)) from error
            await self._replay(batch, error)
        return 0

    async def try_run(self, batch: Batch) -> int | None:
        """Like :meth:`run` for a batch that others run beside; None where it failed and is to be run again, alone."""
        import asyncpg

        self.batch = batch
        try:
            if len(batch.numbers) == 1:
                return await self._send(self.plan.statements[batch.numbers[0]])
            await self.connection.execute(batch.text)
        except asyncpg.PostgresError as error:
            if is_lost(self.connection, error):
                raise
            if error.sqlstate in _NOT_REPLAYED:
                raise self.failed(batch.numbers[0], failure(self.plan, batch.numbers[0], error)) from error
            self.note_replay(batch, error)
            return None
        return 0

    async def _replay(self, batch: Batch, error: asyncpg.PostgresError) -> None:
        self.note_replay(batch, error)
        if self.execution.atomic:
            await self.connection.execute("ROLLBACK TO SAVEPOINT confiture_batch")
        for single in batch.split(self.plan.statements):
            self.batch = single
            await self._run_one(single)
        if self.execution.atomic:
            await self.connection.execute("RELEASE SAVEPOINT confiture_batch")

    async def _run_one(self, batch: Batch) -> int:
        import asyncpg

        number = batch.numbers[0]
        try:
            return await self._send(self.plan.statements[number])
        except asyncpg.PostgresError as error:
            if is_lost(self.connection, error):
                raise
            raise self.failed(
                number, failure(self.plan, number, error, int(error.position) if error.position else None)
            ) from error

    async def _send(self, statement: Statement) -> int:
        atomic = self.execution.atomic
        async with limited(self.connection, limits_of(statement, self.execution), local=atomic):
            return await self._send_bare(statement)

    async def _send_bare(self, statement: Statement) -> int:
        if self.execution.rollback and isinstance(statement, Backfill):
            return _count(await self.connection.execute(statement.at_once))
        if statement.copy_data is None:
            await self.connection.execute(statement.sql)
            return 0
        # The driver's public copy_to_table writes a COPY statement of its own; only this takes the file's, with all
        # of its options. It is what copy_to_table itself calls (asyncpg 0.30 to 0.32).
        driver: Any = self.connection
        tag: str = await driver._copy_in(statement.sql, _chunks(statement.copy_data), None)
        return _count(tag)

    def note_replay(self, batch: Batch, error: asyncpg.PostgresError) -> None:
        """Tell the log why the batch runs a second time."""
        self.ctx.emit(
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
            self.ctx.emit(Logged(message=text, fields=fields))
        else:
            self.ctx.emit(WarningRaised(message=f"{files}: {text}" if files else text, hint=message.hint))

    def _files(self) -> str:
        """The file that the running batch is from, or the first and last one."""
        numbers = self.batch.numbers if self.batch else ()
        origins = [self.plan.statements[number].origin for number in (*numbers[:1], *numbers[-1:])]
        names = dict.fromkeys(origin.file for origin in origins if origin is not None)
        return " to ".join(names)


def _count(tag: str) -> int:
    """The rows that a command tag tells of."""
    return int(tag.split()[-1])


async def _chunks(data: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(data)
    for start in range(0, len(view), _COPY_CHUNK_BYTES):
        yield view[start : start + _COPY_CHUNK_BYTES]
