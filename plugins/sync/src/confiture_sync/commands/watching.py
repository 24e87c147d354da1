"""Follows a run for its command: a line a table where there are no bars, and what a run that stops leaves behind."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from confiture.cli.units import many, size, span
from confiture.model import Event, Progress, StepFinished, StepStarted
from confiture.redact import redact

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.errors import ConfitureError
    from confiture_sync.model import SyncRequest

__all__ = ["Watcher"]

_STEPS = "sync."
#: The step that takes off what is in the way of the rows: from here on something stays where the run is stopped.
_FIRST_WRITE = "sync.prepare"
#: A phase that is no table is told of where it took that long.
_LONG_S = 1.0
#: What the first run did already; with ``--resume`` it is left out.
_ONCE = "--truncate"


class Watcher:
    """An observer of one run. Keeps ``shell.left_behind`` as it is at the moment."""

    def __init__(self, shell: Shell, request: SyncRequest) -> None:
        self._shell = shell
        self._request = request
        self._labels: dict[str, str] = {}
        self._rows: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._complete: set[str] = set()
        self._begun = False

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        if isinstance(event, StepStarted) and event.step.startswith(_STEPS):
            self._labels[event.step] = event.label
            self._begun = self._begun or event.step == _FIRST_WRITE
        elif isinstance(event, Progress):
            if event.unit == "rows" and event.step in self._labels:
                self._rows[event.step] = event.done
            elif event.unit == "bytes":
                self._bytes[event.step.removesuffix(".bytes")] = event.done
        elif isinstance(event, StepFinished) and event.step in self._labels:
            self._finished(event)
        else:
            return
        if self._begun and not self._request.dry_run:
            self._shell.left_behind = self._left()

    def explain(self, error: ConfitureError) -> None:
        """Say in its hint what is left, and how to go on, where the run had begun to write."""
        left = self._shell.left_behind
        if left is None:
            return
        own = error.hint if error.hint and "--resume" not in error.hint else None
        error.hint = f"{own}\n{left}" if own else left

    def _finished(self, event: StepFinished) -> None:
        label = self._labels[event.step]
        if event.step in self._rows:
            if not _is_table(event.step):  # the sum of them
                return
            self._complete.add(event.step)
            amount = f"{many(self._rows[event.step], 'row')}, {size(self._bytes.get(event.step, 0))}"
            self._tell(f"{label}: {amount} in {span(event.seconds)}")
        elif event.seconds >= _LONG_S:
            self._tell(f"{label}: {event.summary or 'done'} in {span(event.seconds)}")

    def _tell(self, line: str) -> None:
        if self._shell.bars is None:  # otherwise the bars have said it
            self._shell.note(line)

    def _left(self) -> str:
        done = len(self._complete)
        rows = sum(self._rows.get(step, 0) for step in self._complete)
        begun = sum(_is_table(step) for step in self._labels) - done
        state = f"{many(done, 'table')} with {many(rows, 'row')} complete" if done else "no table is complete"
        if begun:
            state += f", {begun} begun"
        return (
            f"{state}; indexes, foreign keys and triggers of the target may be off until the run is ended\n"
            f"to go on:        {self._resuming()}\n"
            f"to take it back: confiture sync abandon --to {shlex.quote(redact(self._request.target))}"
        )

    def _resuming(self) -> str:
        """The command line again, as the user can paste it; without a password, which it should not have had."""
        words = [word for word in self._shell.words if word.partition("=")[0] not in (_ONCE, "--resume")]
        return redact(f"confiture {shlex.join([*words, '--resume'])}")


def _is_table(step: str) -> bool:
    """``sync.public.users``: a table's label has its schema."""
    return step.removeprefix(_STEPS).count(".") > 0
