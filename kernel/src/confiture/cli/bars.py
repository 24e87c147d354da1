"""Progress bars for a terminal, drawn from events; they leave no trace when a run ends."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from confiture.cli.steps import BYTES, Step

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import ProgressColumn

    from confiture.model import Event, Progress

__all__ = ["Drawer", "bars"]

#: A step shorter than this shows no bar: most builds end before an eye could read one.
_DELAY_S = 0.4
#: More bars at once would push away what was on the terminal; the oldest steps have theirs, such as a sum of others.
_MOST = 7
#: What stands beside the bar of a step in rows, and the least that its bar and its label have.
_COUNT_WIDTH, _BAR_WIDTH, _LABEL_WIDTH = 44, 10, 12


@contextmanager
def bars() -> Iterator[Drawer]:
    """An observer that draws a bar a step, on stderr."""
    drawer = Drawer()
    try:
        yield drawer
    finally:
        drawer.stop()


class Drawer:
    """Draws a step's bar once the step has taken a moment, from a thread: its first progress may come much later."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        #: In the order that they began in.
        self._steps: dict[str, Step] = {}
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
                self._steps[event.step] = Step(time.monotonic(), event.label)
                self._arm()
            elif isinstance(event, Progress):
                self._progress(event)
            elif isinstance(event, StepFinished):
                self._end(event.step)

    def _progress(self, event: Progress) -> None:
        step = self._steps.get(event.step)
        if step is not None:
            step.take(event, time.monotonic())
        elif event.unit == "bytes" and event.step.endswith(BYTES):
            step = self._steps.get(event.step.removesuffix(BYTES))
            if step is not None:
                step.bytes = event.done
        if step is not None and self._display is not None and step.task is not None:
            self._display.update(step.task, completed=step.done, total=step.total, **self._texts(step))

    def _texts(self, step: Step) -> dict[str, Any]:
        """The label and the count, within the terminal's width."""
        assert self._display is not None
        room = self._display.console.width - _bar_width(self._display.console.width) - _COUNT_WIDTH - 2
        return {"description": step.shortened(max(room, _LABEL_WIDTH)), "count": step.count, "elapsed": step.elapsed}

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

    def _show(self, step: Step) -> None:
        if self._display is None:
            self._display = _display()
            self._display.start()
        shown = sum(other.task is not None for other in self._steps.values())
        step.task = self._display.add_task(
            completed=step.done, total=step.total, visible=shown < _MOST, **self._texts(step)
        )
        self._display.tasks[-1].start_time = step.since

    def _end(self, name: str) -> None:
        step = self._steps.pop(name, None)
        if self._display is not None and step is not None and step.task is not None:
            self._display.remove_task(step.task)
            # One that had no place takes the one that is free.
            for task in self._display.tasks[:_MOST]:
                self._display.update(task.id, visible=True)
            if all(other.task is None for other in self._steps.values()):
                self._hide()  # what comes next may be a result, and it begins where the cursor is

    def _hide(self) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None
        for step in self._steps.values():
            step.task = None


def _bar_width(width: int) -> int:
    """As rich has it, less where a step in rows would not fit beside it."""
    return min(40, max(_BAR_WIDTH, width - _COUNT_WIDTH - 22))


def _display() -> Display:
    # rich.progress costs 70 ms to import, so it waits for a slow step.
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Display

    from confiture.cli.helptext import coloured

    console = Console(file=sys.stderr, color_system="auto" if coloured(sys.stderr) else None)
    return Display(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=_bar_width(console.width)),
        TextColumn("{task.fields[count]}", markup=False),
        _elapsed_column(),
        console=console,
        get_time=time.monotonic,
        transient=True,
        # It would lead results that are piped away to the terminal, since rich draws on stderr here.
        redirect_stdout=False,
    )


def _elapsed_column() -> ProgressColumn:
    """How long it has taken; nothing where the count says how long it will take."""
    from rich.progress import ProgressColumn, Task, TimeElapsedColumn
    from rich.text import Text

    class Elapsed(ProgressColumn):
        def __init__(self) -> None:
            super().__init__()
            self._usual = TimeElapsedColumn()

        def render(self, task: Task) -> Text:
            return self._usual.render(task) if task.fields["elapsed"] else Text("")

    return Elapsed()
