"""What a run copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from confiture.cli.units import many, size, span
from confiture_schema_to_schema.commands.rendering.findings import finding_lines
from confiture_schema_to_schema.commands.rendering.lines import aligned, filled, joined
from confiture_schema_to_schema.model import SchemaToSchemaReport, TableReport

__all__ = ["copied_lines"]


def copied_lines(report: SchemaToSchemaReport, again: Callable[[str], str]) -> Iterator[str]:
    """The report, line by line. ``again`` gives the command of a phase."""
    yield from filled(_headline(report))
    if report.created:
        yield f"{report.target} was made from db/schema/"
    if report.tables:
        yield ""
        yield from aligned(
            ("table", "engine", "from", "rows", "size", "time", "rows/s"),
            [_row(table) for table in report.tables],
            left=3,
        )
        yield ""
    if report.snapshot_seconds:
        yield f"no snapshot of {report.source} was held for longer than {span(report.snapshot_seconds)}"
    for table, seconds in report.whole_snapshots.items():
        yield from filled(f"{table}: one snapshot for all of it, held for {span(seconds)}: it has no key to cut it by")
    yield from finding_lines(report.findings)
    if report.capture is None:
        yield from filled(f"what changes in {report.source} is not captured: this is a copy of what it was")
    else:
        yield f"to follow what changes in {report.source}: {again('follow')}"
    yield f"to prove the copy: {again('validate')}"
    if report.capture is not None:
        yield f"to make {report.target} the live database: {again('cutover')}"


def _headline(report: SchemaToSchemaReport) -> str:
    how = "copied the rest of" if report.resumed else "copied"
    amount = size(sum(table.bytes for table in report.tables))
    return (
        f"{how} {many(len(report.tables), 'table')} from {report.source} into {report.target}: "
        f"{many(report.rows, 'row')}, {amount} in {span(report.seconds)}"
    )


def _row(table: TableReport) -> tuple[str, ...]:
    rate = f"{table.rows / table.seconds:,.0f}" if table.seconds > 0 and table.rows else ""
    sources = joined(source for source in table.sources if source != table.table or len(table.sources) > 1)
    return (
        table.table,
        joined(table.engines),
        sources,
        f"{table.rows:,}",
        size(table.bytes),
        span(table.seconds),
        rate,
    )
