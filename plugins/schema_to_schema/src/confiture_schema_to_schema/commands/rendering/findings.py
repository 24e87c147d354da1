"""What was found before a copy: errors first, with the keys of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confiture.cli.units import many
from confiture_schema_to_schema.commands.rendering.lines import INDENT, filled
from confiture_schema_to_schema.model import Finding

__all__ = ["finding_lines"]

_ORDER = {"error": 0, "warning": 1, "note": 2}


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Line by line; nothing where there are none."""
    if not findings:
        return
    yield ""
    counts = {level: sum(finding.level == level for finding in findings) for level in _ORDER}
    yield "found: " + ", ".join(many(count, level) for level, count in counts.items() if count)
    for finding in sorted(findings, key=lambda each: (_ORDER[each.level], each.table, each.check)):
        where = f"{finding.table}: " if finding.table and finding.table not in finding.message else ""
        yield from filled(f"{finding.level} [{finding.check}] {where}{finding.message}", "  ")
        if finding.keys:
            yield from filled(_keys(finding), INDENT)
        if finding.hint:
            yield from filled(f"hint: {finding.hint}", INDENT)


def _keys(finding: Finding) -> str:
    """``3 rows: (1), (2), ...``."""
    more = ", ..." if finding.rows is None or finding.rows > len(finding.keys) else ""
    count = "rows" if finding.rows is None else many(finding.rows, "row")
    return f"{count}: {', '.join(finding.keys)}{more}"
