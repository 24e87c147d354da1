"""What was removed, and what remains."""

from __future__ import annotations

from collections.abc import Iterator

from confiture.cli.units import many
from confiture_schema_to_schema.commands.rendering.lines import INDENT, filled
from confiture_schema_to_schema.model import CleanupReport

__all__ = ["cleaned_lines"]


def cleaned_lines(report: CleanupReport) -> Iterator[str]:
    """The report, line by line; what remains last."""
    if report.removed:
        yield f"removed {many(len(report.removed), 'object')}:"
        for name in report.removed:
            yield from filled(name, INDENT)
    else:
        yield "there was nothing to remove"
    if report.dropped is not None:
        yield f"dropped the database {report.dropped}"
    if report.remaining:
        yield "what remains:"
        for name in report.remaining:
            yield from filled(name, INDENT)
