"""``confiture migrate status``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture_incremental.model import StatusReport

__all__ = ["status"]

#: The exit code of --exit-code where something is pending or wrong.
_NOT_UP_TO_DATE = 2


async def status(
    *,
    exit_code: Annotated[bool, Parameter(negative="")] = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> StatusReport:
    """Show how each migration stands.

    Parameters
    ----------
    exit_code
        Exit with 2 where a migration is pending, or files and history do not fit.
    """
    import msgspec

    async with shell.run(common) as run:
        report: StatusReport = await run.start("status")
    if report.migrations:
        shell.print_table(
            ("version", "name", "state", "applied", "by"),
            [
                (
                    one.version,
                    one.name,
                    one.state if one.how in (None, "applied") else f"{one.state} ({one.how})",
                    f"{one.applied_at:%Y-%m-%d %H:%M:%S}" if one.applied_at else "",
                    one.applied_by or "",
                )
                for one in report.migrations
            ],
        )
    for problem in report.problems:
        shell.print(f"! {problem}")
    shell.print(_summary(report))
    if exit_code and (report.pending or report.problems):
        return msgspec.structs.replace(report, exit_code=_NOT_UP_TO_DATE)
    return report


def _summary(report: StatusReport) -> str:
    if not report.migrations:
        return "there are no migrations"
    at = (
        f"{report.database} is at {report.current}" if report.current else f"{report.database} has no migration applied"
    )
    return f"{at}, {report.pending} pending" if report.pending else f"{at}, up to date"
