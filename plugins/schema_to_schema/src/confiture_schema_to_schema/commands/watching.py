"""Follows a run for its command: a line a table where there are no bars, and what a run that stops leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.cli.units import many, size, span
from confiture.model import Event, Progress, StepFinished, StepStarted
from confiture_schema_to_schema.commands.again import command

if TYPE_CHECKING:
    from confiture.cli.command import ProjectOutput
    from confiture.cli.shell import Shell
    from confiture.errors import ConfitureError
    from confiture_schema_to_schema.model import SchemaToSchemaRequest

__all__ = ["Watcher"]

_STEPS = "schema-to-schema."
#: Once one of these has begun there is something to go on with: the run is recorded before them.
_FIRST = frozenset({"schema-to-schema.prepare", "schema-to-schema.rows"})
#: A step that is no table is told of where it took that long.
_LONG_S = 1.0


class Watcher:
    """An observer of one run. Keeps ``shell.left_behind`` as it is at the moment."""

    def __init__(self, shell: Shell, request: SchemaToSchemaRequest, common: ProjectOutput | None) -> None:
        self._shell = shell
        self._request = request
        self._common = common
        self._labels: dict[str, str] = {}
        self._tables: set[str] = set()
        self._rows: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._complete: set[str] = set()
        self._begun = False

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        if isinstance(event, StepStarted) and event.step.startswith(_STEPS):
            self._labels[event.step] = event.label
            if event.step == _STEPS + event.label:
                self._tables.add(event.step)
            self._begun = self._begun or event.step in _FIRST
        elif isinstance(event, Progress):
            if event.unit == "rows":
                self._rows[event.step] = event.done
            elif event.unit == "bytes":
                self._bytes[event.step.removesuffix(".bytes")] = event.done
        elif isinstance(event, StepFinished) and event.step in self._labels:
            self._finished(event)
        else:
            return
        if self._begun:
            self._shell.left_behind = self._left()

    def explain(self, error: ConfitureError) -> None:
        """Say in its hint what is there, and how to go on, where the run had begun to write."""
        left = self._shell.left_behind
        if left is not None:
            own = error.hint if error.hint and "resume" not in error.hint else None
            error.hint = f"{own}\n{left}" if own else left

    def _finished(self, event: StepFinished) -> None:
        label = self._labels[event.step]
        if event.step in self._tables:
            self._complete.add(event.step)
            amount = f"{many(self._rows.get(event.step, 0), 'row')}, {size(self._bytes.get(event.step, 0))}"
            self._tell(f"{label}: {amount} in {span(event.seconds)}")
        elif event.step not in self._rows and event.seconds >= _LONG_S:  # the sum of all tables is in the report
            self._tell(f"{label}: {event.summary or 'done'} in {span(event.seconds)}")

    def _tell(self, line: str) -> None:
        if self._shell.bars is None:  # otherwise the bars have said it
            self._shell.note(line)

    def _left(self) -> str:
        done = len(self._complete)
        rows = sum(self._rows.get(step, 0) for step in self._complete)
        begun = len(self._tables) - done
        state = f"{many(done, 'table')} with {many(rows, 'row')} complete" if done else "no table is complete"
        if begun:
            state += f", {begun} begun"
        again = command("resume", self._request, self._common)
        return f"{state}; the new database is not to be used before the run is ended\nto go on: {again}"
