"""``confiture migrate generate``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture_incremental.generating import GenerateReport

__all__ = ["generate"]


async def generate(
    name: str,
    /,
    *,
    sql: Annotated[bool, Parameter(negative="")] = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> GenerateReport:
    """Write an empty migration of the next number, to be filled in.

    What takes one schema to another is written for you by `migrate diff --generate`.

    Parameters
    ----------
    name
        What it does, such as add_email_index.
    sql
        Write a pair of SQL files.
    """
    async with shell.run(common) as run:
        report: GenerateReport = await run.start("generate", name=name, sql=sql)
    for path in report.paths:
        shell.print(path)
    return report
