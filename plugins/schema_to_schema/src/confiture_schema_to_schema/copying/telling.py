"""How far the copy is: one step a table, whatever chunks it is copied in, and one for all of them together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from confiture.model import Progress, StepFinished, StepStarted
from confiture.transfer import KeptConnections

if TYPE_CHECKING:
    from confiture.model import Event
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.records import ChunkRecord

__all__ = ["ALL", "Meters", "Telling"]

#: The step of all tables. A table's is ``schema-to-schema.<schema>.<table>``.
ALL = "schema-to-schema.rows"


class _Chunk:
    """One that is being copied."""

    def __init__(self, part: int, meter: _Table) -> None:
        self.part = part
        self.meter = meter
        self.since = time.monotonic()
        self.rows = 0
        self.bytes = 0


class _Table:
    """One table: what is done of its chunks, in this run and before it."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.step = f"schema-to-schema.{label}"
        self.since: float | None = None
        self.rows = self.bytes = self.total = self.open = 0

    def count(self, chunks: Iterable[ChunkRecord]) -> None:
        """Begin to count anew, with these."""
        self.rows = self.bytes = self.total = self.open = 0
        for chunk in chunks:
            self.rows += chunk.rows
            self.bytes += chunk.bytes
            self.total += chunk.rows if chunk.done else chunk.estimated_rows
            self.open += not chunk.done


class Meters:
    """All tables'. Emits through ``ctx``."""

    def __init__(self, ctx: Context, labels: Iterable[str]) -> None:
        self._ctx = ctx
        self._tables = {label: _Table(label) for label in labels}
        self._chunks: dict[str, _Chunk] = {}
        self._since = time.monotonic()

    def count(self, label: str, chunks: Sequence[ChunkRecord]) -> None:
        """All chunks of a table, as they are now."""
        self._tables[label].count(chunks)

    def add(self, label: str, count: int) -> None:
        """A chunk of a table is cut into so many more."""
        self._tables[label].open += count

    def begin(self) -> None:
        """The first row is about to move. Tables without anything left to copy are told as done."""
        self._ctx.emit(StepStarted(step=ALL, label="all tables"))
        for table in self._tables.values():
            if not table.open and table.total:
                self._start(table)
                self._finish(table)

    def start(self, label: str, chunk: ChunkRecord) -> str:
        """A chunk begins. The step that its transfer tells its progress under."""
        table = self._tables[label]
        if table.since is None:
            self._start(table)
        step = f"{table.step}#{chunk.part}.{chunk.number}"
        self._chunks[step] = _Chunk(chunk.part, table)
        return step

    def take(self, event: Progress) -> bool:
        """Tell a chunk's progress as its table's. False for a step that is none of a chunk."""
        of_bytes = event.unit == "bytes"
        chunk = self._chunks.get(event.step.removesuffix(".bytes") if of_bytes else event.step)
        if chunk is None:
            return False
        if of_bytes:  # told after the rows
            chunk.bytes = event.done
            self._tell(chunk.meter)
        else:
            chunk.rows = event.done
        return True

    def end(self, step: str, rows: int, size: int) -> None:
        """A chunk is copied."""
        table = self._chunks.pop(step).meter
        table.rows += rows
        table.bytes += size
        table.open -= 1
        if not table.open:
            self._finish(table)

    def fail(self, step: str) -> None:
        """A chunk was given up; what it had copied is not there."""
        self._chunks.pop(step, None)

    def finish(self) -> None:
        """All tables are copied."""
        rows = sum(table.rows for table in self._tables.values())
        self._ctx.emit(StepFinished(step=ALL, seconds=time.monotonic() - self._since, summary=f"{rows} rows"))

    def under_way(self) -> dict[str, Any]:
        """What is being copied, by part: rows, bytes, and since how many seconds."""
        now = time.monotonic()
        found: dict[str, tuple[int, int, float]] = {}
        for chunk in self._chunks.values():
            rows, size, seconds = found.get(str(chunk.part), (0, 0, 0.0))
            found[str(chunk.part)] = (rows + chunk.rows, size + chunk.bytes, max(seconds, now - chunk.since))
        return {"under_way": found}

    def _start(self, table: _Table) -> None:
        table.since = time.monotonic()
        self._ctx.emit(StepStarted(step=table.step, label=table.label))

    def _finish(self, table: _Table) -> None:
        table.total = table.rows  # estimates are over: what is there is all
        self._tell(table)
        seconds = time.monotonic() - (table.since or self._since)
        self._ctx.emit(StepFinished(step=table.step, seconds=seconds, summary=f"{table.rows} rows"))

    def _tell(self, table: _Table) -> None:
        moving = list(self._chunks.values())
        of_table = [chunk for chunk in moving if chunk.meter is table]
        rows = table.rows + sum(chunk.rows for chunk in of_table)
        self._emit(table.step, rows, table.bytes + sum(chunk.bytes for chunk in of_table), table.total)
        tables = self._tables.values()
        rows = sum(each.rows for each in tables) + sum(chunk.rows for chunk in moving)
        size = sum(each.bytes for each in tables) + sum(chunk.bytes for chunk in moving)
        self._emit(ALL, rows, size, sum(each.total for each in tables))

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
