"""``confiture migrate schema-to-schema status``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.again import command
from confiture_schema_to_schema.commands.options import DatabasesParam, sides
from confiture_schema_to_schema.model import StatusReport, StatusRequest

__all__ = ["status"]


async def status(
    *,
    databases: DatabasesParam = None,
    watch: Annotated[bool, Parameter(negative="")] = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> StatusReport | None:
    """Show how far a migration into a new database is.

    From any machine that reaches the new database, which knows it; the process that copies is not asked.

    Parameters
    ----------
    watch
        Look again each second, until nobody is at work any more. Ctrl-C ends the watching, not the migration. Where it
        is no terminal, a line is printed for each change; with --format json a document on a line of its own.
    """
    from confiture_schema_to_schema.commands.rendering.status import status_lines
    from confiture_schema_to_schema.commands.watch import watched

    request = StatusRequest(**sides(databases))

    def again(phase: str) -> str:
        return command(phase, request, common)

    async with shell.run(common, anywhere=True) as run:
        if watch:
            await watched(run, shell, request, again)
            return None
        report: StatusReport = await run.start("schema-to-schema-status", request)
    for line in status_lines(report, again):
        shell.print(line)
    return report
