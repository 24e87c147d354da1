"""``confiture migrate schema-to-schema pause``."""

from __future__ import annotations

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.options import DatabasesParam, sides
from confiture_schema_to_schema.model import PauseReport, PauseRequest

__all__ = ["pause"]


async def pause(*, databases: DatabasesParam = None, common: ProjectParam = None, shell: ShellParam) -> PauseReport:
    """Have a migration wait.

    The process that copies ends the chunks that it is at, and waits until it is told to go on: confiture migrate
    schema-to-schema resume. Neither database is used by it meanwhile.
    """
    async with shell.run(common, anywhere=True) as run:
        report: PauseReport = await run.start("schema-to-schema-pause", PauseRequest(**sides(databases)))
    if report.running:
        shell.print(f"the migration into {report.target} waits as soon as the chunks are done that it is at")
    else:
        shell.print(f"nobody is at work on the migration into {report.target}; it is marked as paused")
    return report
