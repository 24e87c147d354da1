"""The transfer engine ``copy``."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from confiture.connect import cancel_until
from confiture.errors import ConfitureError, Refused
from confiture.model import Mask, Statement, Target, TransferReport, TransferSurvey, TransferTask, WarningRaised
from confiture.transfer import TAKEN_BYTES, TAKEN_ROWS, Fit, fit_types, prepare_session, query_types, reading, set_local
from confiture.translate import collapse
from confiture_copy.binary import BinaryMasker
from confiture_copy.failures import server_failure, telling
from confiture_copy.listening import hearing
from confiture_copy.masking import functions_of, masked_query
from confiture_copy.pumping import Masker, Meter, Pipe
from confiture_copy.surveying import refuse_freezing, survey_tasks
from confiture_copy.text import TextMasker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confiture.protocols import Connection, Context
    from confiture_copy.masking import Function

__all__ = ["CopyEngine"]


class _TakenBack(Exception):
    """Ends the transaction of rows that nobody wants to keep."""


class CopyEngine:
    """Streams ``COPY (query) TO STDOUT`` of the source into ``COPY table FROM STDIN`` of the target."""

    def accepts(self, task: TransferTask, masks: Sequence[Mask] = ()) -> bool:
        """Any, as long as its statements can be part of the rows' transaction."""
        return all(each.transactional and each.copy_data is None for each in (*task.before, *task.after))

    async def survey(
        self, ctx: Context, tasks: Sequence[TransferTask], *, stands_for: Target | None = None, sample: bool = True
    ) -> Sequence[TransferSurvey]:
        """Whether types fit, and how the rows would travel. See ``SurveyingEngine.survey``."""
        return await survey_tasks(ctx, tasks)

    async def transfer(self, ctx: Context, task: TransferTask, masks: Sequence[Mask] = ()) -> TransferReport:
        """Move the rows. See ``TransferEngine.transfer``."""
        begun = time.perf_counter()
        if not self.accepts(task, masks):
            raise Refused(
                f"a statement around the rows of {task.table!r} cannot run in their transaction",
                hint="run it by itself, before or after the transfer",
            )
        query = masked_query(task, masks)
        functions = functions_of(task, masks)
        reads, writes = f"reading from {task.source.label!r} for {task.table!r}", _writing(task)
        async with (
            telling(reads),
            reading(ctx, task.source, snapshot=task.snapshot, settings=task.settings) as source,
            # The last things to fail are deferred constraints, when the transaction ends.
            telling(writes, lambda error: server_failure(error, writes, "")),
            ctx.connect(task.target) as target,
            _transaction(ctx, task, target),
        ):
            await prepare_session(target)
            await _run(target, task, task.before, "before")
            await refuse_freezing(target, task)
            async with telling(reads):
                given = await query_types(source, query)
            fitted = await fit_types(given, target, task.table, task.columns, binary=task.binary)
            _refuse_forms(task, fitted, functions)
            report = await _Copying(ctx, task, query, fitted, functions).run(source, target)
            if task.after:
                await set_local(target, {TAKEN_ROWS: str(report.rows), TAKEN_BYTES: str(report.bytes)})
                await _run(target, task, task.after, "after")
        return TransferReport(
            rows=report.rows, bytes=report.bytes, seconds=time.perf_counter() - begun, binary=report.binary
        )


@asynccontextmanager
async def _transaction(ctx: Context, task: TransferTask, target: Connection) -> AsyncIterator[None]:
    """That of the rows; it is rolled back in the end where they are only tried."""
    with suppress(_TakenBack):
        async with ctx.transaction(target):
            yield
            if task.rollback:
                await target.execute("SET CONSTRAINTS ALL IMMEDIATE")
                raise _TakenBack


def _writing(task: TransferTask) -> str:
    return f"copying rows into {task.table!r} of {task.target.label!r}"


def _refuse_forms(task: TransferTask, fitted: Fit, functions: Mapping[int, Function]) -> None:
    """A function that was written for binary values must not be given texts without anybody saying so."""
    if fitted.binary or not task.binary:
        return
    for number in functions:
        if not fitted.columns[number].as_text:
            raise Refused(
                f"{task.table!r} can only be copied as text, and the mask of {task.columns[number]!r} expects values "
                f"of {fitted.columns[number].target_type!r} in binary",
                hint=f"{', '.join(fitted.obstacles)} cannot travel in binary: ask for text (binary=False), and have "
                "the function take and return it",
            )


class _Copying:
    """One stream from one connection to another."""

    def __init__(
        self, ctx: Context, task: TransferTask, query: str, fitted: Fit, functions: Mapping[int, Function]
    ) -> None:
        self.ctx = ctx
        self.task = task
        self.query = query
        self.fitted = fitted
        self.format = "binary" if fitted.binary else "text"
        masker: Masker | None = None
        if functions:
            masker = (BinaryMasker if fitted.binary else TextMasker)(task.table, task.columns, functions)
        self.meter = Meter(ctx, task.step, task.estimated_rows, binary=fitted.binary)
        self.pipe = Pipe(masker, self.meter, task.bytes_per_second)
        self.read = anyio.Event()
        self.stopping = False
        self.sent = 0
        self.taken = 0

    async def run(self, source: Connection, target: Connection) -> TransferReport:
        """Both sides at once. The first that fails ends the other."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._stop, source)
                group.start_soon(self._read, source)
                group.start_soon(self._write, target)
        except BaseExceptionGroup as errors:
            failure = collapse(errors)
        else:
            self.meter.tell(self.taken)
            if self.taken != self.sent:
                self.ctx.emit(
                    WarningRaised(
                        message=f"{self.task.table!r} took {self.taken} of {self.sent} rows: a trigger kept the others",
                        hint="see the BEFORE INSERT triggers of the target's table",
                    )
                )
            return TransferReport(rows=self.taken, bytes=self.meter.bytes, seconds=0.0, binary=self.fitted.binary)
        raise failure

    async def _read(self, source: Connection) -> None:
        doing = f"reading the rows of {self.task.table!r} from {self.task.source.label!r}"
        try:
            async with telling(doing, lambda error: server_failure(error, doing, "")):
                with anyio.CancelScope(shield=True):  # see _stop
                    tag = await source.copy_from_query(self.query, output=self.pipe, format=self.format)
        except ConfitureError:
            if not self.stopping:
                raise
        finally:
            self.read.set()
        await anyio.lowlevel.checkpoint_if_cancelled()
        self.pipe.end()
        self.sent = int(tag.split()[-1])

    async def _stop(self, source: Connection) -> None:
        """Where the transfer is ended, have the server end the query, and who fills the pipe not wait for room."""
        try:
            await self.read.wait()
        finally:
            if not self.read.is_set():
                self.stopping = True
                self.pipe.give_up()
                await cancel_until(source, self.read)

    async def _write(self, target: Connection) -> None:
        doing = _writing(self.task)
        table, columns = self.fitted.table, self.task.columns
        try:
            async with telling(doing, lambda error: server_failure(error, doing, table, columns)):
                with hearing(target, self.pipe.give_up):
                    tag = await target.copy_to_table(
                        table,
                        schema_name=self.fitted.schema,
                        columns=columns,
                        source=self.pipe,
                        format=self.format,
                        freeze=True if self.task.freeze else None,
                    )
                self.taken = int(tag.split()[-1])
        finally:
            self.pipe.give_up()  # who fills it must not wait for room


async def _run(target: Connection, task: TransferTask, statements: Sequence[Statement], when: str) -> None:
    doing = f"a statement {when} the rows of {task.table!r} on {task.target.label!r}"
    async with telling(doing):
        for statement in statements:
            limits = {
                name: f"{seconds * 1000:.0f}"
                for name, seconds in (
                    ("lock_timeout", statement.lock_timeout_s),
                    ("statement_timeout", statement.statement_timeout_s),
                )
                if seconds is not None
            }
            if not limits:
                await target.execute(statement.sql)
                continue
            former = {name: await target.fetchval("SELECT current_setting($1)", name) for name in limits}
            await set_local(target, limits)
            await target.execute(statement.sql)
            await set_local(target, former)
