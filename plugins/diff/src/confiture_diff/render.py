"""A report for a person, and a plan for psql."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from confiture.model import Hazard, Plan, Statement
from confiture_diff.model import Change, DiffReport

__all__ = ["as_sql", "as_text", "proof_lines"]

_SIGNS = {"create": "+", "alter": "~", "drop": "-"}
#: Longer values of properties (bodies of functions) say nothing in a line.
_SHOWN = 60


def as_sql(plan: Plan) -> str:
    """The plan as a script for ``psql -f``; "" where it has no statement."""
    if not plan.statements:
        return ""
    from confiture.sql.effects import worth_telling

    parts = ["SET check_function_bodies = off;\n"]
    for statement in plan.statements:
        parts += [f"-- {line}\n" for hazard in worth_telling(statement) for line in _comment(hazard)]
        # In a line of its own where the statement may end in a comment.
        end = "\n;\n" if "--" in statement.sql.rpartition("\n")[2] else ";\n"
        parts.append(f"{statement.sql}{end}")
    return "".join(parts)


def _comment(hazard: Hazard) -> list[str]:
    return f"{hazard.kind}: {hazard.message}".splitlines()


def as_text(report: DiffReport) -> Iterator[str]:
    """The lines that tell a person of it."""
    if not report.changed:
        yield "no change"
        return
    yield from _renamed(report)
    yield from _changed(report)
    count = len(report.plan.statements)
    yield ""
    seconds = [each for each in report.estimated_s if each is not None]
    time = f", {_time(sum(seconds))} on this database" if seconds else ""
    yield f"{count} statement{'' if count == 1 else 's'}{time}:"
    for statement, takes in zip_longest(report.plan.statements, report.estimated_s):
        yield ""
        yield from (f"  {line}" for line in f"{statement.sql};".splitlines())
        yield from _about(statement, takes)
    yield ""
    yield from proof_lines(report)
    if report.irreversible:
        yield f"no way back: {report.irreversible}"
    if report.path:
        yield f"wrote {report.path}"


def _renamed(report: DiffReport) -> Iterator[str]:
    for rename in report.renames:
        why = "as said" if rename.hinted else ", ".join(rename.evidence)
        shown = f"> {rename.old.kind} {rename.old.identity} is now {rename.new.identity}"
        yield f"{shown} ({why})" if why else shown


def _changed(report: DiffReport) -> Iterator[str]:
    above: str | None = None
    for change in report.changes:
        if change.parent is not None and change.parent != above:
            yield change.parent
        above = change.parent
        yield f"{'  ' if change.parent else ''}{_SIGNS[change.action]} {_what(change)}"


def _what(change: Change) -> str:
    name = change.identity
    if change.parent is not None:
        name = name.removeprefix(f"{change.parent}.")
    described = "; ".join(_becomes(*each) for each in change.properties)
    return f"{change.kind} {name}: {described}" if described else f"{change.kind} {name}"


def _becomes(name: str, was: str | None, now: str | None) -> str:
    shown = name.replace("_", " ")
    if {was, now} == {None, "True"}:
        return shown if now else f"no longer {shown}"
    return f"{shown} {_short(was)} -> {_short(now)}" if _short(was) and _short(now) else f"{shown} changes"


def _short(value: str | None) -> str:
    if value is None:
        return "(none)"
    return value if len(value) <= _SHOWN and "\n" not in value else ""


def _about(statement: Statement, takes: float | None) -> Iterator[str]:
    from confiture.sql.effects import is_momentary, worth_telling
    from confiture.sql.effects.hazards import NOT_TRANSACTIONAL, TABLE_REWRITE, TABLE_SCAN

    effects = statement.effects
    hazards = worth_telling(statement)
    kinds = {hazard.kind for hazard in hazards}
    if effects is not None and effects.lock and effects.tables:
        does = [f"locks {', '.join(effects.tables)} ({effects.lock})"]
        # What a hazard says below is not said twice.
        if effects.rewrites:
            does += [] if TABLE_REWRITE in kinds else ["writes the whole table anew"]
        elif effects.scans:
            does += [] if TABLE_SCAN in kinds else ["reads the whole table"]
        elif is_momentary(effects):
            does += ["for a moment"]
        does += [] if takes is None else [_time(takes)]
        yield f"    {', '.join(does)}"
    for hazard in hazards:
        yield f"    {hazard.kind}: {hazard.message}"
    if effects is not None and effects.failing_rows:
        yield f"    the rows that stop it: {' '.join(effects.failing_rows.split())}"
    if not statement.transactional and NOT_TRANSACTIONAL not in kinds:
        yield "    runs outside of a transaction"


def _time(seconds: float) -> str:
    """A rough time in words: ``about 12 s``."""
    if seconds < 1:
        return "less than 1 s"
    for limit, unit, name in ((90, 1, "s"), (90 * 60, 60, "min")):
        if seconds < limit:
            return f"about {round(seconds / unit)} {name}"
    return f"about {round(seconds / 3600)} h"


def proof_lines(report: DiffReport) -> Iterator[str]:
    """What was proved, and what is left."""
    proof = report.proof
    if proof is None:
        yield "not proved"
        return
    if proof.proved:
        rows = f", over {proof.rows} sample rows" if proof.rows and proof.with_rows == proof.proved else ""
        yield f"proved: {', '.join(proof.proved)}{rows}"
    if "forward" not in proof.proved:
        yield "not proved: forward"
    elif "backward" not in proof.proved and report.irreversible is None:
        yield "not proved: backward"
    for failure in proof.failures:
        yield f"sample rows stopped it ({failure.direction}): {failure.message}: {' '.join(failure.sql.split())[:200]}"
        if failure.failing_rows:
            yield f"  the rows that do: {' '.join(failure.failing_rows.split())}"
    for each in proof.differences:
        what = f"{each.kind} {each.identity}" + (f", {each.property}" if each.property else "")
        yield f"left otherwise ({each.direction}): {what}: {each.got or 'missing'}, not {each.expected or 'there'}"
