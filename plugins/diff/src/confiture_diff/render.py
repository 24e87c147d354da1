"""A report for a person, and a plan for psql."""

from __future__ import annotations

from collections.abc import Iterator

from confiture.model import Plan, Statement
from confiture_diff.model import DiffReport

__all__ = ["as_sql", "as_text"]


def as_sql(plan: Plan) -> str:
    """The plan as a script for ``psql -f``; "" where it has no statement."""
    if not plan.statements:
        return ""
    parts = ["SET check_function_bodies = off;\n"]
    for statement in plan.statements:
        parts += [f"-- {line}\n" for hazard in statement.hazards for line in hazard.message.splitlines()]
        parts.append(f"{statement.sql};\n")
    return "".join(parts)


def as_text(report: DiffReport) -> Iterator[str]:
    """The lines that tell a person of it."""
    if not report.changed:
        yield "no change"
        return
    for rename in report.renames:
        why = "as said" if rename.hinted else ", ".join(rename.evidence)
        yield f"renamed: {rename.old.kind} {rename.old.identity} to {rename.new.identity}" + (
            f" ({why})" if why else ""
        )
    for statement in report.plan.statements:
        yield f"{statement.sql};"
        yield from _about(statement)
    for note in report.notes:
        yield f"note: {note}"
    if report.irreversible:
        yield f"no way back: {report.irreversible}"


def _about(statement: Statement) -> Iterator[str]:
    for hazard in statement.hazards:
        yield f"    {hazard.kind}: {hazard.message}"
