"""The steps of a crossing, timed and told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confiture.model import StepFinished, StepStarted
from confiture_schema_to_schema.configuring import SECTION
from confiture_schema_to_schema.model import StepTime

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.crossing.state import Direction

__all__ = ["Steps"]


class Steps:
    """Measures each step. ``done`` are those that came to their end; of a second attempt, again."""

    def __init__(self, ctx: Context, direction: Direction) -> None:
        self._ctx = ctx
        self._prefix = f"{SECTION}.{direction}"
        self.done: list[StepTime] = []
        self.paused_s = 0.0
        self._paused_at: float | None = None

    @contextmanager
    def step(self, name: str, label: str) -> Iterator[list[str]]:
        """Tell of its beginning and its end. What is put into the list is its detail."""
        started, details = time.monotonic(), list[str]()
        self._ctx.emit(StepStarted(step=f"{self._prefix}.{name}", label=label))
        yield details
        self.add(name, time.monotonic() - started, ", ".join(details))

    def add(self, name: str, seconds: float, detail: str = "") -> None:
        """One that is over."""
        locked = self._paused_at is not None
        self.done.append(StepTime(name=name, seconds=seconds, locked=locked, detail=detail))
        self._ctx.emit(StepFinished(step=f"{self._prefix}.{name}", seconds=seconds))

    def pause(self) -> None:
        """From now on writers may have to wait."""
        if self._paused_at is None:
            self._paused_at = time.monotonic()

    def go_on(self) -> float:
        """They no longer have to; for how long they had, the last time."""
        if self._paused_at is None:
            return 0.0
        waited = time.monotonic() - self._paused_at
        self._paused_at = None
        self.paused_s += waited
        return waited
