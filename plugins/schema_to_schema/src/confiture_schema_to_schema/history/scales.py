"""Where a number or a time is in a plot, and the round ones that are written beside it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Final

import msgspec

from confiture.cli.units import size

__all__ = ["NumberScale", "TimeScale", "compact", "utc"]

#: Seconds between two ticks of an axis of time.
_STEPS_S: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000,
)  # fmt: skip
_MINUTE_S: Final = 60
_DAY_S: Final = 86400


class NumberScale(msgspec.Struct, frozen=True, kw_only=True):
    """From 0 to ``top``, which is round, over ``length`` pixels."""

    top: float
    step: float
    length: float

    @classmethod
    def of(cls, most: float, length: float, *, ticks: int = 4) -> NumberScale:
        """That has room for ``most``."""
        rough = max(most, 1e-3) / ticks
        power = 10 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
        return cls(top=step * math.ceil(max(most, 1e-3) / step - 1e-9), step=step, length=length)

    def at(self, value: float) -> float:
        """Pixels from the beginning."""
        return value / self.top * self.length

    def ticks(self) -> Iterator[float]:
        """The round numbers."""
        for number in range(round(self.top / self.step) + 1):
            yield number * self.step


class TimeScale(msgspec.Struct, frozen=True, kw_only=True):
    """From ``start`` to ``end`` over ``length`` pixels."""

    start: dt.datetime
    end: dt.datetime
    length: float

    @property
    def seconds(self) -> float:
        """The whole of it; never nothing."""
        return max((self.end - self.start).total_seconds(), 1e-3)

    def at(self, time: dt.datetime) -> float:
        """Pixels from the beginning."""
        return min(max((time - self.start).total_seconds() / self.seconds, 0.0), 1.0) * self.length

    def ticks(self, most: int = 6) -> Iterator[tuple[float, str]]:
        """Round times, as pixels and text, in UTC."""
        step = next((step for step in _STEPS_S if self.seconds / step <= most), _STEPS_S[-1])
        first = math.ceil(self.start.timestamp() / step)
        for number in range(first, math.floor(self.end.timestamp() / step) + 1):
            time = dt.datetime.fromtimestamp(number * step, dt.UTC)
            yield self.at(time), _tick(time, step)


def _tick(time: dt.datetime, step: float) -> str:
    if step >= _DAY_S:
        return f"{time:%b} {time.day}"
    if step >= _MINUTE_S:
        return f"{time:%b} {time.day}, {time:%H:%M}" if time.hour == time.minute == 0 else f"{time:%H:%M}"
    if step >= 1:
        return f"{time:%H:%M:%S}"
    return f"{time:%S}.{time.microsecond // 1000:03d}"


def compact(number: float) -> str:
    """``1.2 k``, ``3 M``: a number for an axis."""
    if 0 < number < 1:
        return f"{number:.3g}"
    if number < 1000:
        return f"{number:,.4g}"
    text = size(number)
    return text.removesuffix("B").strip()


def utc(time: dt.datetime | None) -> str:
    """``2026-03-01 12:00:05``."""
    return "" if time is None else f"{time.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
