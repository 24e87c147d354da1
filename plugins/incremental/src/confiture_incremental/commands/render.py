"""Reports as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confiture_incremental.model import Applied, RunReport

__all__ = ["run_lines", "seconds"]


def run_lines(report: RunReport) -> Iterator[str]:
    """What was done, line by line."""
    yield from report.notes
    for told in report.hazards:
        for hazard in told.hazards:
            yield f"! {told.version} {told.name}: {hazard.kind}: {hazard.message}"
    if report.dry_run and report.sql is not None and report.script is None:
        yield report.sql.rstrip("\n")
        return
    for one in report.migrations:
        yield _line(one)
    for statement in report.not_tried:
        yield f"not tried, since it cannot run in a transaction: {statement}"
    yield _summary(report)


def _line(one: Applied) -> str:
    arrow = "↑" if one.direction == "up" else "↓"
    text = f"{arrow} {one.version} {one.name}  {one.statements} statement{'s' if one.statements != 1 else ''}"
    if one.state == "applied":
        text += f", {seconds(one.seconds)}"
    elif one.state != "not run":
        text += f", {one.state}"
    if one.resumed_at is not None:
        text += f", went on with statement {one.resumed_at}"
    if one.retries:
        text += f", tried {one.retries + 1} times"
    return text


def _summary(report: RunReport) -> str:
    many = len(report.migrations)
    what = f"{many} migration{'s' if many != 1 else ''}"
    if report.script is not None:
        return f"{what} written to {report.script}; nothing was run"
    if report.dry_run and not many:
        return f"nothing to do: {report.database} is up to date" if report.direction == "up" else "nothing to take back"
    if report.dry_run:
        return f"{what} tried and rolled back"
    if not many:
        if report.direction == "down":
            return f"nothing to take back: no migration is applied in {report.database}"
        return f"{report.database} is up to date"
    done = "applied to" if report.direction == "up" else "taken back from"
    left = f"; {len(report.pending)} pending" if report.pending and report.direction == "up" else ""
    return f"{what} {done} {report.database} in {seconds(report.seconds)}{left}"


def seconds(value: float) -> str:
    """A duration as a person reads it."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 100:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min"
