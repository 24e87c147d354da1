"""The pending migrations on the database itself, in one transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import ConfitureError, DatabaseConnectionError
from confiture.estimating import Size
from confiture.migrations.backfill import Backfill
from confiture.model import Measurement, Plan, Statement
from confiture_incremental.preflight.model import Problem, Tried, TriedState
from confiture_incremental.preflight.telling import statements_of
from confiture_incremental.recorded import Recorded, record_live

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.model import UpRequest
    from confiture_incremental.preflight.stopping import Stopping

__all__ = ["try_for_real"]


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A migration, the statements of it that are tried, and the number of the first one among all."""

    one: Recorded
    plan: Plan
    first: int

    @property
    def last(self) -> int:
        return self.first + len(self.plan.statements)


async def try_for_real(
    at_work: Deployment,
    recorded: Sequence[Recorded],
    stopping: Stopping,
    request: UpRequest,
    sizes: Mapping[str, Size],
) -> tuple[list[Tried], list[str], list[str]]:
    """Run them and take all of it back: what each took, what no transaction can try, and what is to be noted."""
    parts, not_tried, notes = await _parts(at_work, recorded, stopping, request)
    statements = tuple(statement for part in parts for statement in part.plan.statements)
    sources = tuple(source for part in parts for source in part.plan.sources)
    execution = msgspec.structs.replace(at_work.execution, rollback=True, measure=True)
    failure: Problem | None = None
    failed = -1
    measured: dict[int, Measurement] = {}
    if statements:
        try:
            report = await at_work.run(Plan(statements=statements, sources=sources), execution)
        except DatabaseConnectionError:
            raise
        except ConfitureError as error:
            failure = Problem.of(error)
            failed = _position(parts, error)
        else:
            measured = {each.number: each for each in report.measured}
    found = [_tried(number, part, failed, failure, measured, sizes) for number, part in enumerate(parts)]
    found += [Tried(version=one.version, name=one.name, state="not reached") for one in recorded[len(parts) :]]
    return found, not_tried, notes


async def _parts(
    at_work: Deployment, recorded: Sequence[Recorded], stopping: Stopping, request: UpRequest
) -> tuple[list[_Part], list[str], list[str]]:
    parts: list[_Part] = []
    not_tried: list[str] = []
    first = 0
    for number, one in enumerate(recorded):
        if one.plan is None and number:
            before = recorded[number - 1].version
            note = (
                f"{one.version} ({one.name}) reads the database: it and what follows is tried once {before} is applied"
            )
            return parts, not_tried, [note]
        if one.plan is None:
            one = await record_live(one, at_work)
            await stopping.ask(at_work, [one], request, begun=True)
        plan = stopping.plans[one.version]
        kept = [each for each in plan.statements if _can_be_tried(each)]
        not_tried += [
            f"{one.version} ({one.name}): {each.sql.strip().splitlines()[0]}"
            for each in plan.statements
            if each not in kept
        ]
        part = _Part(one=one, plan=msgspec.structs.replace(plan, statements=tuple(kept)), first=first)
        first = part.last
        parts.append(part)
    return parts, not_tried, []


def _can_be_tried(statement: Statement) -> bool:
    # A backfill has a form that does all of it at once, for a transaction that is rolled back.
    return statement.transactional or isinstance(statement, Backfill)


def _position(parts: Sequence[_Part], error: ConfitureError) -> int:
    """The migration that the error points into; the last one where it points nowhere."""
    for number, part in enumerate(parts):
        if error.file is not None and error.file == part.one.migration.file.shown:
            return number
    return len(parts) - 1


def _tried(
    number: int,
    part: _Part,
    failed: int,
    failure: Problem | None,
    measured: Mapping[int, Measurement],
    sizes: Mapping[str, Size],
) -> Tried:
    state: TriedState = "would run"
    if failure is not None and number >= failed:
        state = "failed" if number == failed else "not reached"
    own = {n - part.first: each for n, each in measured.items() if part.first <= n < part.last}
    return Tried(
        version=part.one.version,
        name=part.one.name,
        state=state,
        seconds=sum(each.seconds for each in own.values()),
        statements=statements_of(part.plan, sizes, own),
        failure=failure if number == failed else None,
    )
