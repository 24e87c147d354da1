"""What the commands ``migrate up`` and ``migrate down`` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Group, Parameter

from confiture.errors import ConfirmationNeeded

if TYPE_CHECKING:
    from confiture.cli.command import CommonSql
    from confiture.cli.shell import Shell
    from confiture.protocols import Context
    from confiture_incremental.model import DownRequest, RunReport, UpRequest

__all__ = ["Running", "run"]

_LIMITS = Group("Locks and time", sort_key=5)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The options of both."""

    target: Annotated[str | None, Parameter(metavar="VERSION")] = None
    """The version that is the newest one afterwards."""

    steps: Annotated[int | None, Parameter(metavar="N")] = None
    """How many migrations at most."""

    dry_run: Annotated[bool, Parameter(negative="")] = False
    """Show the SQL and touch nothing."""

    dry_run_execute: Annotated[bool, Parameter(negative="")] = False
    """Run it in one transaction that is rolled back."""

    script: Annotated[str | None, Parameter(metavar="FILE")] = None
    """Write the SQL to a file for psql, and touch nothing."""

    fake: Annotated[bool, Parameter(negative="")] = False
    """Record as done without running anything."""

    single_transaction: Annotated[bool, Parameter(negative="")] = False
    """All migrations in one transaction: all or none."""

    allow_data_loss: Annotated[bool, Parameter(negative="")] = False
    """Run statements that lose data."""

    ignore_drift: Annotated[bool, Parameter(negative="")] = False
    """Run though others have changed what a migration touches."""

    confirm: Annotated[str | None, Parameter(metavar="DATABASE")] = None
    """The database's name, where the environment is protected and nobody can be asked."""

    lock_timeout: Annotated[float | None, Parameter(metavar="SECONDS", group=_LIMITS)] = None
    """How long a statement waits for a lock, with the application behind it. [default: 1]"""

    lock_retry: Annotated[float | None, Parameter(metavar="SECONDS", group=_LIMITS)] = None
    """How long it is tried again. [default: 60]"""

    lock_wait: Annotated[float | None, Parameter(metavar="SECONDS", group=_LIMITS)] = None
    """How long to wait for another deployer. [default: 300]"""

    statement_timeout: Annotated[float | None, Parameter(metavar="SECONDS", group=_LIMITS)] = None
    """How long a statement may take. [default: as long as it takes]"""

    def as_request(self) -> dict[str, Any]:
        """The fields of the request."""
        fields = {name: getattr(self, name) for name in type(self).__slots__}
        for name in ("lock_timeout", "lock_retry", "lock_wait", "statement_timeout"):
            fields[f"{name}_s"] = fields.pop(name)
        return fields


async def run(shell: Shell, common: CommonSql | None, medium: str, request: UpRequest | DownRequest) -> RunReport:
    """Start the medium, ask for a protected database's name where somebody is there, and print the report."""
    from confiture_incremental.commands.render import run_lines

    async with shell.run(common) as context:
        while True:
            try:
                report: RunReport = await context.start(medium, request)
                break
            except ConfirmationNeeded as error:
                request = await _confirmed(shell, context, request, error)
        if shell.format == "sql":
            shell.write(report.sql or "")
        for line in run_lines(report):
            shell.print(line)
        return report


async def _confirmed(
    shell: Shell, context: Context, request: UpRequest | DownRequest, error: ConfirmationNeeded
) -> UpRequest | DownRequest:
    """The request with the name that somebody typed. Raises the error where nobody is there, or the name is wrong."""
    if not shell.interactive or request.confirm is not None:
        raise error
    target = await context.target()
    answer = shell.ask(f"{error.message}. Type the database's name to go on: ").strip()
    if answer != target.database:
        raise ConfirmationNeeded("that is not its name", hint="nothing was touched")
    return msgspec.structs.replace(request, confirm=answer)
