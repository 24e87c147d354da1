"""The plan: what would be run for each table, by which engine and why, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confiture.cli.units import many, size, span
from confiture_schema_to_schema.commands.rendering.findings import finding_lines
from confiture_schema_to_schema.commands.rendering.lines import INDENT, aligned, between, filled, sql_lines
from confiture_schema_to_schema.model import PlannedTable, PlanReport

__all__ = ["plan_lines"]


def plan_lines(report: PlanReport) -> Iterator[str]:
    """The plan, line by line."""
    yield from filled(_headline(report))
    yield from filled(f"map: {report.mapping or 'none; names that are equal belong together'}")
    yield from filled(f"strategy: {report.strategy}")
    if report.tables:
        yield ""
        yield from aligned(
            ("table", "engine", "rows", "size", "rate", "time"), [_row(table) for table in report.tables], left=2
        )
        yield from filled(_sum(report))
    common = _common_locks(report)
    for table in report.tables:
        yield ""
        yield from _details(table, common)
    yield from _locks(report, common)
    yield from finding_lines(report.findings)


def _headline(report: PlanReport) -> str:
    how = ", which is made from db/schema/: it is not there, or empty" if report.creates else ""
    return f"from {report.source} into {report.target}{how}; nothing was changed"


def _row(table: PlannedTable) -> tuple[str, ...]:
    rate = "" if table.bytes_per_second is None else f"{size(table.bytes_per_second)}/s"
    time = "" if table.seconds is None else span(table.seconds)
    return between(table.source, table.table), table.engine, f"~{table.rows:,}", size(table.bytes), rate, time


def _sum(report: PlanReport) -> str:
    rows = sum(table.rows for table in report.tables)
    parts = [f"all: some {many(rows, 'row')}, {size(report.disk_bytes)} of disk in {report.target}"]
    if report.seconds is None:
        parts.append("how long it takes was not measured")
    else:
        parts.append(f"some {span(report.seconds)} until all is copied and indexed")
    return "; ".join(parts)


def _details(table: PlannedTable, common: Sequence[str]) -> Iterator[str]:
    yield from filled(f"{between(table.source, table.table)}: {table.engine}, {table.because}")
    yield from filled(_how(table), INDENT)
    yield from sql_lines(table.query, INDENT)
    yield from _listed("locks:", [lock for lock in table.locks if lock not in common])
    yield from _listed("cannot be brought back:", table.irreversible)


def _listed(what: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield f"{INDENT}{what}"
    for text in texts:
        yield from filled(text, f"{INDENT}  ")


def _common_locks(report: PlanReport) -> tuple[str, ...]:
    """What is said of each table: once is enough."""
    first, *rest = report.tables or (None,)
    if first is None or not rest:
        return ()
    return tuple(lock for lock in first.locks if all(lock in table.locks for table in rest))


def _locks(report: PlanReport, common: Sequence[str]) -> Iterator[str]:
    if common or report.locks:
        yield ""
        yield "locks:"
    for lock in common:
        yield from filled(f"each table: {lock}", "  ")
    for lock in report.locks:
        yield from filled(lock, "  ")


def _how(table: PlannedTable) -> str:
    chunks = "one chunk" if table.chunks <= 1 else many(table.chunks, "chunk")
    if table.snapshot == "one":
        return f"no key that it can be cut by: {chunks} of one snapshot"
    return f"by {', '.join(table.key)}: {chunks}{', each from a snapshot of its own' if table.chunks > 1 else ''}"
