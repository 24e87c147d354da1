"""What was brought over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from confiture.cli.units import many, span
from confiture_schema_to_schema.commands.rendering.lines import filled
from confiture_schema_to_schema.model import FollowReport

__all__ = ["followed_lines"]

_ENDED = {
    "caught up": "{target} has all that was there",
    "stopped": "stopped",
    "taken over by a cutover": "a {crossing} has taken over",
}


def followed_lines(report: FollowReport, again: Callable[[str], str]) -> Iterator[str]:
    """The report, line by line. ``again`` gives the command of a phase."""
    ended = _ENDED[report.ended].format(
        target=report.target, crossing="cutover" if report.live == "old" else "rollback"
    )
    yield from filled(
        f"{ended}: {many(report.entries, 'change')} of {report.source} in {span(report.seconds)}, "
        f"{many(report.keys, 'row')} read again, in {report.batches:,} {'batch' if report.batches == 1 else 'batches'}"
    )
    yield f"never further behind than {span(report.longest_lag_s)}"
    if report.ended == "caught up" and report.live == "old":
        yield f"to make the new database the live one: {again('cutover')}"
    elif report.ended == "caught up":
        yield f"to make the old database the live one again: {again('rollback')}"
