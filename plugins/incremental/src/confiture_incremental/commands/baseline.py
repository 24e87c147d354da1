"""``confiture migrate baseline``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture_incremental.baseline import BaselineReport, Tool

__all__ = ["baseline"]


async def baseline(
    version: str | None = None,
    /,
    *,
    tool: Annotated[Tool, Parameter(name=["--from"])] = "auto",
    prove: bool = True,
    sql: Annotated[bool, Parameter(negative="")] = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> BaselineReport:
    """Begin the history of a database that is there already, whatever made it.

    The project's migrations are recorded as applied and not run, after a proof that the database is what they give.
    Where there are none yet, the first one is written: it makes everything that is there.

    Parameters
    ----------
    version
        The last migration that the database already has. [default: all of them]
    tool
        Whose history the baseline stands for; auto: of those tools whose history is there.
    prove
        Compare the database with what the migrations give.
    sql
        Write the first migration as a pair of SQL files.
    """
    async with shell.run(common) as run:
        report: BaselineReport = await run.start("baseline", version=version, tool=tool, prove=prove, sql=sql)
    if report.path:
        shell.print(report.path)
    for each in report.versions:
        shell.print(f"= {each} recorded, not run")
    many = len(report.versions)
    proved = ", proved" if report.proved else ", not proved"
    if many:
        shell.print(f"{report.database} begins with {many} migration{'s' if many != 1 else ''}{proved}")
    else:
        shell.print(f"nothing to record: {report.database} has all of these migrations")
    return report
