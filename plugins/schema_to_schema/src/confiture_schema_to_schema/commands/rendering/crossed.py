"""A cutover or a rollback that is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from confiture.cli.units import many, span
from confiture_schema_to_schema.commands.rendering.lines import INDENT, filled
from confiture_schema_to_schema.model import CutoverReport, StepTime

__all__ = ["crossed_lines", "milliseconds", "settled_lines", "step_lines"]


def crossed_lines(report: CutoverReport, phase: str, again: Callable[[str], str]) -> Iterator[str]:
    """The report, line by line. ``again`` gives the command of a phase."""
    live = report.source if report.live == "old" else report.target
    side = "old" if report.live == "old" else "new"
    if report.exit_code:
        yield from filled(f"the {phase} was not reached in time: {live} is the live database still, as it was before")
    else:
        yield from filled(f"{live} is the live database now, the {side} one")
    attempts = f", in {many(report.attempts, 'attempt')}" if report.attempts > 1 else ""
    yield f"writers waited for {milliseconds(report.paused_seconds)}{attempts}"
    if report.steps:
        yield ""
        yield from step_lines(report.steps)
        yield ""
    if report.exit_code:
        if report.took_over:
            yield from filled("who followed has ended for it; the log of changes grows until somebody follows again:")
            yield f"    {again('follow')}"
        yield f"try again when less is written, or with more --max-seconds: {again(phase)}"
        return
    if report.switch == "none":
        yield from filled(f"point your applications at {live}: writes to the other one end with SQLSTATE 25006")
    if phase == "cutover":
        yield from _way_back(report, again)
    else:
        yield f"to keep the new database up to date: {again('follow')}"
        yield f"to make it the live one again: {again('cutover')}"


def _way_back(report: CutoverReport, again: Callable[[str], str]) -> Iterator[str]:
    if report.reversible:
        yield f"to keep the way back open: {again('follow')}"
    yield f"to go back: {again('rollback')}"
    if report.not_reversible:
        yield from filled("it would lose what is written from now on where nothing leads back, and asks first:")
        for reason in report.not_reversible:
            yield from filled(reason, INDENT)
    yield f"when nobody wants to go back any more: {again('report')}, then {again('cleanup')}"


def settled_lines(report: CutoverReport, direction: str, again: Callable[[str], str]) -> Iterator[str]:
    """What became of one that was cut, and how it goes on. ``again`` gives the command of a phase."""
    crossed = (report.live == "new") == (direction == "cutover")
    how = "was decided, and is completed" if crossed else "was not decided, and is taken back"
    live = report.source if report.live == "old" else report.target
    yield from filled(f"the {direction} {how}: {live} is the live database, the {report.live} one")
    other = report.target if report.live == "old" else report.source
    if report.live == "old" or report.reversible:
        yield f"to bring what changes there to {other}: {again('follow')}"
    yield f"to make {other} the live database{'' if report.live == 'old' else ' again'}: " + again(
        "cutover" if report.live == "old" else "rollback"
    )


def step_lines(steps: Sequence[StepTime]) -> Iterator[str]:
    """A line a step, with a mark for those that writers waited for."""
    rows = [
        (step.name, milliseconds(step.seconds), "writers wait" if step.locked else "", step.detail) for step in steps
    ]
    width = max((len(name) for name, *_ in rows), default=0)
    times = max((len(time) for _, time, *_ in rows), default=0)
    for name, time, locked, detail in rows:
        said = "; ".join(part for part in (locked, detail) if part)
        yield f"{name:<{width}}  {time:>{times}}  {said}".rstrip()


def milliseconds(seconds: float) -> str:
    """``123 ms``; from ten seconds on as other times are."""
    return f"{seconds * 1000:,.0f} ms" if seconds < 10 else span(seconds)
