"""What was removed, and what remains."""

from __future__ import annotations

from collections.abc import Iterator

from confiture.cli.units import many
from confiture.quoting import quote_ident
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
    yield from _databases(report)


def _databases(report: CleanupReport) -> Iterator[str]:
    """What becomes of the side that is not live: nothing holds it back from writes any more."""
    if report.live == "new" and report.old_database is not None:
        yield from filled(
            f"the old database, {report.old_database!r} ({report.source}), is there still, and takes writes again: see "
            "that nobody uses it by mistake"
        )
        yield f"to drop it, with all its rows: {_drop(report.old_database)}"
    elif report.live == "old" and report.new_database is not None:
        yield from filled(
            f"{report.source} is the live database, as before; {report.new_database!r} ({report.target}) is there "
            "still, takes writes too, and what changes is brought to it no more"
        )
        yield f"to have a start make it anew, drop it first: {_drop(report.new_database)}"


def _drop(name: str) -> str:
    return f"DROP DATABASE {quote_ident(name)}"
