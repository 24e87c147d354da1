"""``confiture migrate preflight``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from confiture.cli.command import Common, CommonParam, ShellParam
from confiture.errors import ConfirmationNeeded, UsageError
from confiture_incremental.preflight.model import (
    PreflightReport,
    PreflightRequest,
    Problem,
    Tried,
    TriedStatement,
)

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.protocols import Context

__all__ = ["preflight"]

#: How much of a statement a line of the table shows.
_SHOWN = 60
#: What is shorter is said to take no time.
_WORTH_TELLING_S = 1.0


async def preflight(
    *,
    against: Annotated[str | None, Parameter(metavar="NAME")] = None,
    for_real: Annotated[bool, Parameter(negative="")] = False,
    target: Annotated[str | None, Parameter(metavar="VERSION")] = None,
    steps: Annotated[int | None, Parameter(metavar="N")] = None,
    allow_out_of_order: Annotated[bool, Parameter(negative="")] = False,
    allow_data_loss: Annotated[bool, Parameter(negative="")] = False,
    ignore_drift: Annotated[bool, Parameter(negative="")] = False,
    confirm: Annotated[str | None, Parameter(metavar="DATABASE")] = None,
    exclude: Annotated[tuple[str, ...], Parameter(negative="", metavar="PATTERN")] = (),
    lock_timeout: Annotated[float | None, Parameter(metavar="SECONDS")] = None,
    lock_retry: Annotated[float | None, Parameter(metavar="SECONDS")] = None,
    statement_timeout: Annotated[float | None, Parameter(metavar="SECONDS")] = None,
    common: CommonParam = None,
    shell: ShellParam,
) -> PreflightReport:
    """Try the pending migrations on a scratch copy of a database's schema, or, with --for-real, on itself.

    The exit code is 0 where `migrate up` would run all of them, else that of the error that would stop it.

    Parameters
    ----------
    against
        The environment whose database it is about, as with --env.
    for_real
        Run them on the database itself in a transaction that is rolled back, and show times and locks.
    target
        Up to this version.
    steps
        So many migrations at most.
    allow_out_of_order
        Also those whose number is below one that is applied.
    allow_data_loss
        As it would be given to up: data loss stops nothing.
    ignore_drift
        As it would be given to up: drift stops nothing.
    confirm
        The database's name, where --for-real meets a protected environment and nobody can be asked.
    exclude
        Objects that the copy does without, such as public.tmp_*. May be given several times.
    lock_timeout
        How long a statement waits for a lock with --for-real. [default: 1]
    lock_retry
        How long it is tried again. [default: 60]
    statement_timeout
        How long a statement may take with --for-real.
    """
    from confiture_incremental.preflight.model import PreflightRequest

    if against is not None:
        if common is not None and common.env is not None:
            raise UsageError("--against and --env exclude each other", hint="give one of them")
        common = dataclasses.replace(common or Common(), env=against)
    request = PreflightRequest(
        for_real=for_real,
        target=target,
        steps=steps,
        allow_out_of_order=allow_out_of_order,
        allow_data_loss=allow_data_loss,
        ignore_drift=ignore_drift,
        confirm=confirm,
        exclude=exclude,
        lock_timeout_s=lock_timeout,
        lock_retry_s=lock_retry,
        statement_timeout_s=statement_timeout,
    )
    async with shell.run(common) as run:
        report = await _confirmed(shell, run, request)
    for line in _lines(report):
        shell.print(line)
    if report.for_real and report.migrations:
        _print_measured(shell, report)
    for line in _ending(report):
        shell.print(line)
    return report


async def _confirmed(shell: Shell, run: Context, request: PreflightRequest) -> PreflightReport:
    """The report; a protected database's name is asked for where somebody is there."""
    import msgspec

    while True:
        try:
            report: PreflightReport = await run.start("preflight", request)
        except ConfirmationNeeded as error:
            if not shell.interactive or request.confirm is not None:
                raise
            answer = shell.ask(f"{error.message}, and rolled back. Type the database's name to go on: ").strip()
            request = msgspec.structs.replace(request, confirm=answer)
        else:
            return report


def _lines(report: PreflightReport) -> Iterator[str]:
    yield from report.notes
    for one in report.migrations:
        yield from _migration(one)
    for statement in report.not_tried:
        yield f"not tried, since it cannot run in a transaction: {statement}"


def _migration(one: Tried) -> Iterator[str]:
    from confiture_incremental.commands.render import seconds

    what = f"{one.version} {one.name}"
    if one.state == "not reached":
        yield f"  {what}: not reached"
        return
    many = f"{len(one.statements)} statement{'s' if len(one.statements) != 1 else ''}"
    took = f", {seconds(one.seconds)}" if one.state == "would run" else ""
    yield f"{'✓' if one.state == 'would run' else '✗'} {what}  {many}{took}"
    told = set()
    for statement in one.statements:
        if statement.hazards or (statement.estimated_s or 0) >= _WORTH_TELLING_S:
            yield f"    {_first_line(statement)}"
            yield from (f"      {line}" for line in _about(statement))
            told |= set(statement.hazards)
    for hazard in one.hazards:
        if hazard not in told:
            yield f"    {hazard.kind}: {hazard.message}"
    if one.failure is not None:
        yield from (f"    {line}" for line in _problem(one.failure))


def _about(statement: TriedStatement) -> Iterator[str]:
    from confiture_incremental.commands.render import seconds

    if (statement.estimated_s or 0) >= _WORTH_TELLING_S:
        lock = f", holding {statement.lock} on {', '.join(statement.tables)}" if statement.lock else ""
        yield f"about {seconds(statement.estimated_s or 0)} on tables of this size{lock}"
    for hazard in statement.hazards:
        yield f"{hazard.kind}: {hazard.message}"


def _print_measured(shell: Shell, report: PreflightReport) -> None:
    from confiture_incremental.commands.render import seconds

    rows = [
        (
            one.version,
            _first_line(statement),
            seconds(statement.seconds),
            ", ".join(f"{mode} {relation}" for mode, relation in statement.locks),
        )
        for one in report.migrations
        for statement in one.statements
        if statement.seconds is not None
    ]
    if rows:
        shell.print_table(("version", "statement", "took", "locks"), rows)


def _ending(report: PreflightReport) -> Iterator[str]:
    for problem in report.stops:
        yield from (f"! {line}" if number == 0 else f"  {line}" for number, line in enumerate(_problem(problem)))
    if not report.migrations:
        yield f"nothing is pending in {report.database}"
        return
    where = "tried and rolled back" if report.for_real else "tried on a copy of its schema, which has no rows"
    many = f"{len(report.migrations)} migration{'s' if len(report.migrations) != 1 else ''} for {report.database}"
    yield f"{many}: {where}" + ("" if report.exit_code == 0 else "; migrate up would stop")


def _problem(problem: Problem) -> Iterator[str]:
    yield f"{f'{problem.where}: ' if problem.where else ''}{problem.message}"
    if problem.detail:
        yield from problem.detail.splitlines()
    if problem.hint:
        yield f"hint: {problem.hint}"


def _first_line(statement: TriedStatement) -> str:
    text = " ".join(statement.sql.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
