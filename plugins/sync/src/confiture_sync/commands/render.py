"""The report for people: what was copied, how, and what the checks say. No line is wider than it must be."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from confiture.cli.units import many, size, span
from confiture_sync.model import Check, Finding, SyncReport, TableReport

__all__ = ["report_lines"]

#: What is enumerated is wrapped there; names that are longer stay whole.
_WIDTH = 80
#: Of a plain list of names, for a table that has hundreds.
_INDENT = "    "


def report_lines(report: SyncReport) -> Iterator[str]:
    """The report, line by line."""
    if failed := [check for check in report.checks if not check.ok]:
        yield f"{many(len(failed), 'check')} failed; the rows are in the target"
        for check in failed:
            yield from _filled(f"FAILED {_named(check)}")
        yield ""
    yield from _filled(_headline(report), indent="")
    yield ""
    yield from _tables(report)
    yield from _findings(report.findings)
    yield from _checks(report.checks)
    if report.key is not None:
        yield f"masked with the key {report.key}"
    for note in report.notes:
        yield from _filled(note)
    if report.snapshot_seconds:
        yield f"the source's snapshot was held for {span(report.snapshot_seconds)}"


def _headline(report: SyncReport) -> str:
    tables, rows = many(len(report.tables), "table"), many(report.rows, "row")
    if report.dry_run:
        return f"nothing was written; a run would copy {tables} from {report.source} to {report.target}, some {rows}"
    how = "copied the rest of" if report.resumed else "copied"
    amount = size(sum(table.bytes for table in report.tables))
    return f"{how} {tables} from {report.source} to {report.target}: {rows}, {amount} in {span(report.seconds)}"


def _tables(report: SyncReport) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("table", "rows", "size") if report.dry_run else ("table", "rows", "size", "time", "rows/s")
    ]
    for table in report.tables:
        counted = f"{table.rows:,}"
        row: tuple[str, ...] = (table.table, counted, size(table.bytes))
        rows.append(row if report.dry_run else (*row, span(table.seconds), _rate(table)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, details in zip(
        rows, [[], *(list(_details(table, rules=report.dry_run)) for table in report.tables)], strict=True
    ):
        numbers = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join((f"{row[0]:<{widths[0]}}", *numbers)).rstrip()
        yield from details
    if report.tables:
        yield ""


def _rate(table: TableReport) -> str:
    return f"{table.rows / table.seconds:,.0f}" if table.seconds > 0 and table.rows else ""


def _details(table: TableReport, *, rules: bool) -> Iterator[str]:
    """What there is to say of a table beside its numbers; ``rules``: which rule each column has."""
    if rules:
        for column, rule in table.rules.items():
            yield from _filled(f"{column}: {rule}", indent=_INDENT)
    else:
        yield from _listed("masked", table.masked)
    if table.subset:
        yield from _filled(f"only: {table.subset}", indent=_INDENT)
    if table.client:
        yield from _listed("masked here, so that raw values left the source", table.client)
    for column, read in table.reads.items():
        yield from _listed(f"{column} is made from the raw", read)
    if not table.binary:
        yield f"{_INDENT}travels as text"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    counts = Counter(finding.state for finding in findings)
    states = ", ".join(f"{counts[state]} {state}" for state in ("open", "masked", "kept") if counts[state])
    looks = "looks" if len(findings) == 1 else "look"
    yield f"{many(len(findings), 'column')} {looks} personal: {states}"
    for finding in findings:
        if finding.state == "open":
            because = ", ".join(finding.because)
            yield from _filled(f"open: {finding.column}, {finding.what} (by its {because})")
    for finding in findings:
        if finding.state == "kept":
            yield from _filled(f"kept: {finding.column}, {finding.what}: {finding.reason or 'no reason given'}")


def _checks(checks: Sequence[Check]) -> Iterator[str]:
    passed = [check for check in checks if check.ok]
    if passed:
        counts = ", ".join(f"{number} {name}" for name, number in Counter(check.name for check in passed).items())
        all_ = "all " if len(passed) == len(checks) > 1 else ""
        yield from _filled(f"{all_}{many(len(passed), 'check')} passed: {counts}", indent="")


def _named(check: Check) -> str:
    return f"{check.name} {check.what}: {check.detail}" if check.detail else f"{check.name} {check.what}"


def _listed(what: str, names: Iterable[str]) -> Iterator[str]:
    if text := ", ".join(names):
        yield from _filled(f"{what}: {text}", indent=_INDENT)


def _filled(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
