"""One step as a bar shows it: how far it is, how fast, and how long it will take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from confiture.model import Progress

__all__ = ["BYTES", "Step", "short"]

#: A step in rows has its bytes under its own name with this behind it.
BYTES = ".bytes"
#: Rates are of the last seconds: a table may begin in the cache and go on from the disk.
_WINDOW_S = 10.0


@dataclass(slots=True)
class Step:
    """``since`` is of the monotonic clock; ``total`` may be an estimate; ``unit`` is what ``done`` counts."""

    since: float
    label: str
    done: int = 0
    total: int | None = None
    unit: str = ""
    bytes: int = 0
    task: TaskID | None = None
    _seen: deque[tuple[float, int, int]] = field(default_factory=deque)

    def take(self, event: Progress, now: float) -> None:
        """Take over how far it is."""
        self.done, self.total, self.unit = event.done, event.total, event.unit
        if self.unit != "rows":
            return
        if not self._seen:
            self._seen.append((self.since, 0, 0))
        self._seen.append((now, self.done, self.bytes))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()

    @property
    def count(self) -> str:
        """How far it is; nothing before the first progress, while the bar pulses. Of rows how fast, too."""
        if self.unit != "rows":
            return str(self.done or "") if self.total is None else f"{self.done}/{self.total}"
        parts = [short(self.done) if self.total is None else f"{short(self.done)}/{short(self.total)}"]
        rows, bytes_ = self._rates()
        parts.append(f"{short(rows)} rows/s")
        if bytes_:
            parts.append(f"{short(bytes_)}B/s")
        if rows and self.total is not None and self.total >= self.done:
            parts.append(f"eta {_clock((self.total - self.done) / rows)}")
        return "  ".join(parts)

    @property
    def elapsed(self) -> bool:
        """Whether the time that it has taken is worth its place: not where the time that is left stands."""
        return self.unit != "rows"

    def shortened(self, width: int) -> str:
        """The label; of a step in rows its end where it is too long, which is the table's name."""
        if self.unit != "rows" or len(self.label) <= width:
            return self.label
        return f"…{self.label[len(self.label) - width + 1 :]}"

    def _rates(self) -> tuple[float, float]:
        (before, rows, bytes_), (now, *_) = self._seen[0], self._seen[-1]
        seconds = max(now - before, 0.001)
        return (self.done - rows) / seconds, (self.bytes - bytes_) / seconds


def short(number: float) -> str:
    """``950``, ``1.2k``, ``34M``: two digits at least, five characters at most."""
    for letter in ("", "k", "M", "G", "T"):
        if number < 999.5 or letter == "T":
            break
        number /= 1000
    return f"{number:.1f}{letter}" if letter and number < 9.95 else f"{number:.0f}{letter}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
