"""``confiture migrate schema-to-schema report``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture.errors import UsageError
from confiture_schema_to_schema.commands.options import DatabasesParam, sides
from confiture_schema_to_schema.model import HistoryReport, HistoryRequest

__all__ = ["report"]


async def report(
    *,
    databases: DatabasesParam = None,
    output: Annotated[str | None, Parameter(name=["--output", "-o"], metavar="FILE")] = None,
    common: ProjectParam = None,
    shell: ShellParam,
) -> HistoryReport:
    """Write the whole migration as one HTML file.

    When what was done, how fast rows were copied, how far behind the new database was, what was validated, and each
    step of a cutover in milliseconds. It needs nothing but a browser, and has no row of yours. At any time, until
    confiture migrate schema-to-schema cleanup has removed what it is made from.

    Parameters
    ----------
    output
        The file. An older report is replaced, another file is not. [default: migration-report.html]
    """
    if output == "":
        raise UsageError("--output has an empty value", hint="give it a file's name, or leave it out")
    request = HistoryRequest(**sides(databases), output=output)
    async with shell.run(common, anywhere=True) as run:
        written: HistoryReport = await run.start("schema-to-schema-report", request)
    shell.print(f"wrote {written.path}")
    return written
