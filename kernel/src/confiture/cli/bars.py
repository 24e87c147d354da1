"""Progress bars for a terminal, drawn from events; they leave no trace when a run ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confiture.model import Event

__all__ = ["bars"]

#: A step shorter than this shows no bar: most builds end before an eye could read one.
_DELAY_S = 0.4


@contextmanager
def bars() -> Iterator[Callable[[Event], None]]:
    """An observer that draws a bar a step. rich.progress costs 70 ms to import, so it waits for a slow step."""
    import time

    from confiture.model import Progress, StepFinished, StepStarted

    started: dict[str, tuple[float, str]] = {}
    drawn: dict[str, object] = {}
    display: list[object] = []

    def observe(event: Event) -> None:
        if isinstance(event, StepStarted):
            started[event.step] = (time.monotonic(), event.label)
        elif isinstance(event, Progress) and event.step in started:
            since, label = started[event.step]
            if time.monotonic() - since < _DELAY_S:
                return
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            if not display:
                columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
                progress = Bars(*columns, console=Console(file=sys.stderr), transient=True)
                progress.start()
                display.append(progress)
            shown = display[0]
            assert isinstance(shown, Bars)
            if event.step not in drawn:
                drawn[event.step] = shown.add_task(label, total=event.total)
            task = drawn[event.step]
            assert isinstance(task, int)
            shown.update(type(shown.task_ids[0])(task), completed=event.done, total=event.total)
        elif isinstance(event, StepFinished):
            started.pop(event.step, None)

    try:
        yield observe
    finally:
        for shown in display:
            shown.stop()  # type: ignore[attr-defined]
