"""Progress bars for a terminal, drawn from events; they leave no trace when a run ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

    from confiture.model import Event, Progress

__all__ = ["bars"]

#: A step shorter than this shows no bar: most builds end before an eye could read one.
_DELAY_S = 0.4


@contextmanager
def bars() -> Iterator[Callable[[Event], None]]:
    """An observer that draws a bar a step, on stderr."""
    drawer = _Drawer()
    try:
        yield drawer
    finally:
        drawer.stop()


class _Drawer:
    def __init__(self) -> None:
        self._started: dict[str, tuple[float, str]] = {}
        self._tasks: dict[str, TaskID] = {}
        self._display: Display | None = None

    def __call__(self, event: Event) -> None:
        from confiture.model import Progress, StepFinished, StepStarted

        if isinstance(event, StepStarted):
            self._started[event.step] = (time.monotonic(), event.label)
        elif isinstance(event, Progress) and event.step in self._started:
            self._draw(event)
        elif isinstance(event, StepFinished):
            self._started.pop(event.step, None)
            task = self._tasks.pop(event.step, None)
            if task is not None and self._display is not None:
                self._display.remove_task(task)
                if not self._tasks:  # what comes next may be a result, and it begins where the cursor is
                    self.stop()

    def _draw(self, event: Progress) -> None:
        since, label = self._started[event.step]
        if time.monotonic() - since < _DELAY_S:
            return
        if self._display is None:
            self._display = _display()
            self._display.start()
        if event.step not in self._tasks:
            self._tasks[event.step] = self._display.add_task(label, total=event.total)
        self._display.update(self._tasks[event.step], completed=event.done, total=event.total)

    def stop(self) -> None:
        """Take the bars away."""
        if self._display is not None:
            self._display.stop()
            self._display = None


def _display() -> Display:
    # rich.progress costs 70 ms to import, so it waits for a slow step.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    from confiture.cli.helptext import coloured

    console = Console(file=sys.stderr, color_system="auto" if coloured(sys.stderr) else None)
    return Display(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        # It would lead results that are piped away to the terminal, since rich draws on stderr here.
        redirect_stdout=False,
    )
