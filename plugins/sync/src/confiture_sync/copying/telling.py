"""How far the copy is: one step a table, whatever parts it is copied in, and one for all of them together."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.model import Progress, StepFinished, StepStarted
from confiture.transfer import KeptConnections

if TYPE_CHECKING:
    from confiture.model import Event, TransferReport
    from confiture.protocols import Context
    from confiture_sync.copying.state import ChunkRecord
    from confiture_sync.values import TablePlan

__all__ = ["ALL", "Meters", "TableMeter", "Telling"]

#: The step of all tables. A table's is ``sync.<schema>.<table>``.
ALL = "sync.rows"


class TableMeter:
    """One table: what is done of its chunks, in this run and before it."""

    def __init__(self, plan: TablePlan, done: Iterable[ChunkRecord], todo: Iterable[ChunkRecord]) -> None:
        done, todo = list(done), list(todo)
        self.plan = plan
        self.step = f"sync.{plan.label}"
        self.chunks = len(done) + len(todo)
        self.binary = True
        self.rows = sum(chunk.rows for chunk in done)
        self.bytes = sum(chunk.bytes for chunk in done)
        self.seconds = sum(chunk.seconds for chunk in done)
        self.open = len(todo)
        self.under_way: dict[str, list[int]] = {}  # by the chunk's step: rows and bytes
        estimated = self.rows + sum(chunk.estimated_rows for chunk in todo)
        selection = plan.selection
        self.total = estimated if selection is None or selection.rows is None else selection.rows
        self.since: float | None = None

    def now(self) -> tuple[int, int]:
        """Rows and bytes so far."""
        counts = self.under_way.values()
        return self.rows + sum(rows for rows, _ in counts), self.bytes + sum(size for _, size in counts)


class Meters:
    """All tables'. Emits through ``ctx``."""

    def __init__(self, ctx: Context, tables: Iterable[TableMeter]) -> None:
        self._ctx = ctx
        self.tables = {meter.plan.label: meter for meter in tables}
        self._total = sum(meter.total for meter in self.tables.values())
        self._since = time.monotonic()
        self._by_step: dict[str, TableMeter] = {}

    def begin(self) -> None:
        """The first row is about to move. Tables without anything left to copy are told as done."""
        self._ctx.emit(StepStarted(step=ALL, label="all tables"))
        for meter in self.tables.values():
            if not meter.open:
                self._start(meter)
                self._finish(meter)

    def start(self, chunk: ChunkRecord) -> str:
        """A chunk begins. The step that its transfer tells its progress under."""
        meter = self.tables[chunk.table]
        if meter.since is None:
            self._start(meter)
        step = f"{meter.step}#{chunk.number}"
        meter.under_way[step] = [0, 0]
        self._by_step[step] = meter
        return step

    def take(self, event: Progress) -> bool:
        """Tell a chunk's progress as its table's. False for a step that is none of a chunk."""
        of_bytes = event.unit == "bytes"
        step = event.step.removesuffix(".bytes") if of_bytes else event.step
        meter = self._by_step.get(step)
        if meter is None:
            return False
        meter.under_way[step][of_bytes] = event.done
        if of_bytes:  # told after the rows
            self._tell(meter)
        return True

    def end(self, step: str, report: TransferReport) -> None:
        """A chunk is copied."""
        meter = self._by_step.pop(step)
        del meter.under_way[step]
        meter.rows += report.rows
        meter.bytes += report.bytes
        meter.seconds += report.seconds
        meter.binary = meter.binary and report.binary
        meter.open -= 1
        if not meter.open:
            self._finish(meter)

    def finish(self) -> None:
        """All tables are copied."""
        rows = sum(meter.rows for meter in self.tables.values())
        self._ctx.emit(StepFinished(step=ALL, seconds=time.monotonic() - self._since, summary=f"{rows} rows"))

    def _start(self, meter: TableMeter) -> None:
        meter.since = time.monotonic()
        self._ctx.emit(StepStarted(step=meter.step, label=meter.plan.label))

    def _finish(self, meter: TableMeter) -> None:
        # Estimates are over: what is there is all.
        self._total += meter.rows - meter.total
        meter.total = meter.rows
        self._tell(meter)
        seconds = time.monotonic() - (meter.since or self._since)
        self._ctx.emit(StepFinished(step=meter.step, seconds=seconds, summary=f"{meter.rows} rows"))

    def _tell(self, meter: TableMeter) -> None:
        rows, size = meter.now()
        self._emit(meter.step, rows, size, meter.total)
        counts = [each.now() for each in self.tables.values()]
        self._emit(ALL, sum(rows for rows, _ in counts), sum(size for _, size in counts), self._total)

    def _emit(self, step: str, rows: int, size: int, total: int) -> None:
        self._ctx.emit(Progress(step=f"{step}.bytes", done=size, unit="bytes"))
        self._ctx.emit(Progress(step=step, done=rows, total=max(total, rows), unit="rows"))


class Telling(KeptConnections):
    """A worker's ``Context``: its connections are used again, and what an engine tells of a chunk is the table's."""

    def __init__(self, ctx: Context, meters: Meters) -> None:
        super().__init__(ctx)
        self._meters = meters

    def emit(self, event: Event) -> None:
        """See ``Context.emit``."""
        if not (isinstance(event, Progress) and self._meters.take(event)):
            super().emit(event)
