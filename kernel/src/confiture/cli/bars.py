"""Progress bars for a terminal, drawn from events; they leave no trace when a run ends."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

    from confiture.model import Event

__all__ = ["Drawer", "bars"]

#: A step shorter than this shows no bar: most builds end before an eye could read one.
_DELAY_S = 0.4


@contextmanager
def bars() -> Iterator[Drawer]:
    """An observer that draws a bar a step, on stderr."""
    drawer = Drawer()
    try:
        yield drawer
    finally:
        drawer.stop()


@dataclass(slots=True)
class _Step:
    since: float
    label: str
    done: int = 0
    total: int | None = None
    task: TaskID | None = None

    @property
    def count(self) -> str:
        """How far it is; nothing before the first progress, while the bar pulses."""
        return str(self.done or "") if self.total is None else f"{self.done}/{self.total}"


class Drawer:
    """Draws a step's bar once the step has taken a moment, from a thread: its first progress may come much later."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._steps: dict[str, _Step] = {}
        self._display: Display | None = None
        self._timer: threading.Timer | None = None
        self._stopped = False
        #: Something stands on the terminal's line that a bar would overwrite, such as a question.
        self._line_begun = False

    def __call__(self, event: Event) -> None:
        """Take note of the event."""
        from confiture.model import Progress, StepFinished, StepStarted

        with self._lock:
            if isinstance(event, StepStarted):
                self._end(event.step)  # it failed, and is tried again
                self._steps[event.step] = _Step(time.monotonic(), event.label)
                self._arm()
            elif isinstance(event, Progress) and (step := self._steps.get(event.step)):
                step.done, step.total = event.done, event.total
                if self._display is not None and step.task is not None:
                    self._display.update(step.task, completed=step.done, total=step.total, count=step.count)
            elif isinstance(event, StepFinished):
                self._end(event.step)

    def make_way(self, text: str) -> None:
        """Called before ``text`` goes to the same terminal: the bars come back below its line, a moment later."""
        with self._lock:
            self._hide()
            self._line_begun = not text.endswith("\n")
            if self._steps:
                self._arm()

    def forget(self) -> None:
        """Take the bars away, their steps have failed: no event tells of that."""
        with self._lock:
            self._hide()
            self._steps.clear()

    def stop(self) -> None:
        """Take the bars away for good."""
        with self._lock:
            self._stopped = True
            self._hide()
            if self._timer is not None:
                self._timer.cancel()

    def _arm(self, seconds: float = _DELAY_S) -> None:
        if self._timer is None and not self._stopped and not self._line_begun:
            self._timer = threading.Timer(seconds, self._draw)
            self._timer.daemon = True
            self._timer.start()

    def _draw(self) -> None:
        """The timer's: draw the steps that have taken long enough, and come again for the others."""
        with self._lock:
            self._timer = None
            if self._stopped or self._line_begun:
                return
            now = time.monotonic()
            waiting = [step for step in self._steps.values() if step.task is None]
            for step in waiting:
                if now - step.since >= _DELAY_S:
                    self._show(step)
            if left := [step.since + _DELAY_S - now for step in waiting if step.task is None]:
                self._arm(max(min(left), 0.01))

    def _show(self, step: _Step) -> None:
        if self._display is None:
            self._display = _display()
            self._display.start()
        step.task = self._display.add_task(step.label, completed=step.done, total=step.total, count=step.count)
        self._display.tasks[-1].start_time = step.since

    def _end(self, name: str) -> None:
        step = self._steps.pop(name, None)
        if self._display is not None and step is not None and step.task is not None:
            self._display.remove_task(step.task)
            if all(other.task is None for other in self._steps.values()):
                self._hide()  # what comes next may be a result, and it begins where the cursor is

    def _hide(self) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None
        for step in self._steps.values():
            step.task = None


def _display() -> Display:
    # rich.progress costs 70 ms to import, so it waits for a slow step.
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    from confiture.cli.helptext import coloured

    console = Console(file=sys.stderr, color_system="auto" if coloured(sys.stderr) else None)
    return Display(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        get_time=time.monotonic,
        transient=True,
        # It would lead results that are piped away to the terminal, since rich draws on stderr here.
        redirect_stdout=False,
    )
