"""What would be run: as SQL for a person or for psql, and tried in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import UsageError
from confiture.migrations.scripts import with_data
from confiture.migrations.tracking import Record
from confiture.model import Execution, Plan, Statement
from confiture_incremental.gates.checking import told
from confiture_incremental.model import Applied, DownRequest, RunReport, UpRequest
from confiture_incremental.recorded import Recorded, record_live
from confiture_incremental.running import ending
from confiture_incremental.segments import closing, cut
from confiture_incremental.together import combined

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment

__all__ = ["as_script", "rehearse", "show"]


async def show(
    seen: Deployment,
    request: UpRequest | DownRequest,
    recorded: Sequence[Recorded],
    squashed: Sequence[Record],
    report: RunReport,
) -> RunReport:
    """The SQL that would be run, with the rows of the history; written to ``request.script`` where that is given.

    One that reads the database is shown as far as what it reads is there: the first one, or an error says so.
    """
    found: list[Recorded] = []
    notes = []
    for number, one in enumerate(recorded):
        if one.plan is None and number:
            notes.append(
                f"{one.version} ({one.name}) reads the database: what it does is known once {found[-1].version} is "
                "applied; it and what comes after it is not shown"
            )
            break
        found.append(await record_live(one, seen))
    text = as_script(seen, found, squashed)
    hazards = await told(seen, found)
    if request.script is not None:
        if notes:
            raise UsageError(notes[0], hint=f"write the script up to there: --target {found[-1].version}")
        path = seen.ctx.project.root / request.script
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{request.script!r} cannot be written: {error.strerror}", hint="name another file"
            ) from error
    return msgspec.structs.replace(
        report,
        dry_run=True,
        migrations=tuple(_would_be(one) for one in found),
        pending=tuple(one.version for one in recorded),
        hazards=hazards,
        sql=text,
        script=request.script,
        notes=tuple(notes),
    )


async def rehearse(at_work: Deployment, recorded: Sequence[Recorded], report: RunReport) -> RunReport:
    """Run them in one transaction that is rolled back; what cannot be part of one is left out, and said."""
    kept, left_out = [], []
    for one in recorded:
        assert one.plan is not None
        tried = [each for each in one.rest.statements if each.transactional or _has_at_once(each)]
        left_out += [
            f"{one.version} ({one.name}): {each.sql.strip().splitlines()[0]}"
            for each in one.rest.statements
            if each not in tried
        ]
        plan = msgspec.structs.replace(one.plan, statements=tuple(tried))
        kept.append(msgspec.structs.replace(one, plan=plan, done=-1))
    execution: Execution = msgspec.structs.replace(at_work.execution, rollback=True)
    await at_work.run(combined(kept, at_work, rows=False), execution)
    return msgspec.structs.replace(
        report,
        dry_run=True,
        migrations=tuple(_would_be(one) for one in kept),
        pending=tuple(one.version for one in recorded),
        not_tried=tuple(left_out),
    )


def as_script(seen: Deployment, recorded: Sequence[Recorded], squashed: Sequence[Record] = ()) -> str:
    """A script for psql that does what a run would do, the rows of the history included."""
    many = f"{len(recorded)} migration{'s' if len(recorded) != 1 else ''}"
    parts = [
        f"-- {many} for {seen.target.database}, written by confiture. Run it with psql:",
        "-- psql --no-psqlrc --file THIS_FILE",
        "\\set ON_ERROR_STOP on",
        "",
    ]
    own = seen.missing_statements()
    if squashed:
        own.append(seen.tracking.insert(squashed))
    if own:
        parts += [*_transaction(seen, Plan(statements=tuple(own))), ""]
    for one in recorded:
        assert one.plan is not None
        parts.append(f"-- {one.version} {one.name} ({one.direction})")
        statements = one.plan.statements
        segments = cut(statements, max(one.done, 0))
        for segment in segments:
            row = (seen.tracking.insert([ending(one)]),) if segment.last == len(statements) else ()
            part = statements[segment.first : segment.last]
            if segment.transactional:
                parts += _transaction(seen, Plan(statements=(*part, *closing(part), *row)))
            else:
                parts += [_text(each) for each in (*part, *row)]
        if not segments:
            parts.append(_text(seen.tracking.insert([ending(one)])))
        parts.append("")
    return "\n".join(parts)


def _transaction(seen: Deployment, plan: Plan) -> list[str]:
    limits = [
        f"SET LOCAL {name} = '{round(seconds * 1000)}ms';"
        for name, seconds in (
            ("lock_timeout", seen.config.lock_timeout_s),
            ("statement_timeout", seen.config.statement_timeout_s),
        )
        if seconds is not None
    ]
    if not seen.execution.check_bodies:
        limits.append("SET LOCAL check_function_bodies = off;")
    return ["BEGIN;", *limits, *(_text(each) for each in plan.statements), "COMMIT;"]


def _text(statement: Statement) -> str:
    return with_data(statement)


def _has_at_once(statement: Statement) -> bool:
    from confiture.migrations.backfill import Backfill

    return isinstance(statement, Backfill)


def _would_be(one: Recorded) -> Applied:
    assert one.plan is not None
    return Applied(
        version=one.version,
        name=one.name,
        direction=one.direction,
        statements=len(one.rest.statements),
        seconds=0.0,
        state="not run",
        resumed_at=one.done + 1 if one.done >= 0 else None,
    )
