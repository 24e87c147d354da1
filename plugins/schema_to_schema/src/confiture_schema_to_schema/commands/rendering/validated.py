"""What a comparison of both sides found."""

from __future__ import annotations

from collections.abc import Iterator

from confiture.cli.units import many, span
from confiture_schema_to_schema.commands.rendering.lines import INDENT, aligned, filled
from confiture_schema_to_schema.model import ValidatedTable, ValidateReport

__all__ = ["validated_lines"]


def validated_lines(report: ValidateReport) -> Iterator[str]:
    """The report, line by line; what differs last, by key."""
    wrong = [table for table in report.tables if not table.ok]
    back = report.truth == "new"
    place, truth = (report.source, report.target) if back else (report.target, report.source)
    gives = f"what the map{', read backwards,' if back else ''} gives of {truth}"
    if wrong:
        yield from filled(
            f"FAILED: {many(len(wrong), 'table')} of {len(report.tables)} in {place} "
            f"{'is' if len(wrong) == 1 else 'are'} not {gives}"
        )
    else:
        yield from filled(
            f"{many(len(report.tables), 'table')} in {place}: every row is {gives}, {span(report.seconds)}"
        )
    if back:
        yield from filled(f"{report.target} is the live database, the new one: what it has is taken for true")
    if report.not_compared:
        yield from filled(f"not compared, since nothing leads back from them: {', '.join(report.not_compared)}")
    if report.tables:
        rows = ("new rows", "old rows") if back else ("old rows", "new rows")
        yield ""
        yield from aligned(("table", *rows, "segments", "differing", "time"), [_row(t) for t in report.tables])
    for table in report.tables:
        yield from _details(table, back=back)


def _row(table: ValidatedTable) -> tuple[str, ...]:
    return (
        table.table,
        f"{table.source_rows:,}",
        f"{table.target_rows:,}",
        f"{table.segments:,}",
        _differing(table),
        span(table.seconds),
    )


def _differing(table: ValidatedTable) -> str:
    if table.differing:
        return f"{table.differing:,}{' or more' if table.at_least else ''}"
    return "0" if table.ok else "?"


def _details(table: ValidatedTable, *, back: bool) -> Iterator[str]:
    if not table.ok or table.transient or table.pending or table.left_out:
        yield ""
        yield f"{table.table}:"
    if table.not_comparable is not None:
        yield from filled(f"not compared: {table.not_comparable}", INDENT)
    if table.left_out:
        columns = ", ".join(table.left_out)
        why = "`reverse` need not give the old value" if back else "the map gives another value each time"
        yield from filled(f"not compared, since {why}: {columns}", INDENT)
    if table.pending:
        verb = "is" if table.pending == 1 else "are"
        yield from filled(f"{many(table.pending, 'row')} {verb} still to be brought over", INDENT)
    if table.transient:
        verb = "was" if table.transient == 1 else "were"
        yield from filled(
            f"{many(table.transient, 'row')} differed at first, and {verb} equal when looked at again", INDENT
        )
    for how in ("missing", "unexpected", "different"):
        keys = [mismatch.key for mismatch in table.mismatches if mismatch.how == how]
        if keys:
            yield from filled(f"{how}: {', '.join(keys)}", INDENT)
    hidden = table.differing - len(table.mismatches)
    if hidden > 0 and table.mismatches:
        yield f"{INDENT}and {'at least ' if table.at_least else ''}{many(hidden, 'row')} more"
    elif hidden > 0:
        yield f"{INDENT}{many(hidden, 'row')} without a key to name them by"
