"""The plots, as SVG that takes its colors from the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

from confiture.cli.units import span
from confiture_schema_to_schema.history.scales import NumberScale, TimeScale, utc
from confiture_schema_to_schema.history.values import Span
from confiture_schema_to_schema.model import StepTime

__all__ = ["Series", "area", "steps_plot", "timeline"]

_WIDTH: Final = 860
_LEFT: Final = 120
_RIGHT: Final = 30
_ROW: Final = 30
_BAR: Final = 16
_AXIS: Final = 26
#: What takes milliseconds in a migration of days is to be seen all the same.
_LEAST_PX: Final = 3.0
_HEIGHT: Final = 170
_TOP: Final = 12

#: Points of a line: when, how much, and what is said of it under the pointer. The class gives its color.
Series = tuple[str, Sequence[tuple[dt.datetime, float, str]]]


def timeline(spans: Sequence[Span], start: dt.datetime, end: dt.datetime) -> str:
    """A line for each phase, with a bar for each time in it."""
    lanes = list(dict.fromkeys(each.lane for each in spans))
    plot, height = _WIDTH - _LEFT - _RIGHT, len(lanes) * _ROW
    scale = TimeScale(start=start, end=end, length=plot)
    parts = [*_time_axis(scale, height)]
    for number, lane in enumerate(lanes):
        middle = number * _ROW + _ROW / 2
        parts.append(f'<text class="name" x="-10" y="{middle + 4:.1f}">{escape(lane)}</text>')
    for each in spans:
        x, right = scale.at(each.start), scale.at(each.end)
        width = max(right - x, _LEAST_PX)
        y = lanes.index(each.lane) * _ROW + (_ROW - _BAR) / 2
        seconds = (each.end - each.start).total_seconds()
        said = f"{each.lane}: {each.label}, {span(seconds)}\n{utc(each.start)} to {utc(each.end)} UTC"
        parts.append(
            f'<rect class="bar {each.kind}" x="{min(x, plot - width):.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{_BAR}" rx="3"><title>{escape(said)}</title></rect>'
        )
    return _svg(parts, height + _AXIS, "Phases of the migration over time")


def area(
    series: Sequence[Series], start: dt.datetime, end: dt.datetime, label: str, unit: Callable[[float], str]
) -> str:
    """Something over time, from 0 on. ``unit`` writes a number of the axis."""
    plot, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT
    across = TimeScale(start=start, end=end, length=plot)
    up = NumberScale.of(max((value for _, points in series for _, value, _ in points), default=0.0), height)
    parts = [*_time_axis(across, height), *_number_axis(up, plot, height, unit)]
    for kind, points in series:
        places = [(across.at(time), height - up.at(value), said) for time, value, said in points]
        if not places:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
        if len(places) > 1:
            under = f"{places[0][0]:.1f},{height} {line} {places[-1][0]:.1f},{height}"
            parts.append(f'<polygon class="under {kind}" points="{under}"/>')
            parts.append(f'<polyline class="line {kind}" points="{line}"/>')
        else:
            parts.append(f'<circle class="bar {kind}" cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="4"/>')
        parts += [
            f'<circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="6"><title>{escape(said)}</title></circle>'
            for x, y, said in places
        ]
    return _svg(parts, height + _AXIS, label)


def steps_plot(steps: Sequence[StepTime]) -> str:
    """Steps one after the other, each beginning where the one before ended; those that writers waited for stand out."""
    whole = sum(step.seconds for step in steps)
    plot, height = _WIDTH - _LEFT - _RIGHT - 90, len(steps) * _ROW
    scale = NumberScale.of(whole * 1000, plot, ticks=5)
    parts: list[str] = []
    for tick in scale.ticks():
        x = scale.at(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height + 16}">{tick:,.4g} ms</text>')
    since = 0.0
    for number, step in enumerate(steps):
        x, width = scale.at(since * 1000), max(scale.at(step.seconds * 1000), _LEAST_PX)
        y = number * _ROW
        said = f"{step.name}: {step.seconds * 1000:,.1f} ms" + (", writers wait" if step.locked else "")
        parts.append(f'<text class="name" x="-10" y="{y + _ROW / 2 + 4:.1f}">{escape(step.name)}</text>')
        parts.append(
            f'<rect class="bar {"locked" if step.locked else "free"}" x="{x:.1f}" y="{y + (_ROW - _BAR) / 2:.1f}" '
            f'width="{width:.1f}" height="{_BAR}" rx="3"><title>{escape(said)}</title></rect>'
        )
        parts.append(
            f'<text class="value" x="{x + width + 6:.1f}" y="{y + _ROW / 2 + 4:.1f}">'
            f"{step.seconds * 1000:,.1f} ms</text>"
        )
        since += step.seconds
    return _svg(parts, height + _AXIS, "Steps and their milliseconds")


def _time_axis(scale: TimeScale, height: float) -> Iterator[str]:
    for x, text in scale.ticks():
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{height + 16}">{escape(text)}</text>'
    yield f'<line class="axis" x1="0" x2="{scale.length}" y1="{height}" y2="{height}"/>'


def _number_axis(scale: NumberScale, width: float, height: float, unit: Callable[[float], str]) -> Iterator[str]:
    for tick in scale.ticks():
        y = height - scale.at(tick)
        yield f'<line class="grid" x1="0" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="name" x="-10" y="{y + 4:.1f}">{escape(unit(tick))}</text>'


def _svg(parts: Sequence[str], height: float, label: str) -> str:
    inner = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height + _TOP:.0f}" role="img" aria-label="{escape(label)}">'
        f'<g transform="translate({_LEFT} {_TOP})">\n{inner}\n</g></svg>'
    )
