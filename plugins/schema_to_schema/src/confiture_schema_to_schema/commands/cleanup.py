"""``confiture migrate schema-to-schema cleanup``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture.errors import UsageError
from confiture_schema_to_schema.commands.crossing import Yes
from confiture_schema_to_schema.commands.options import DatabasesParam, sides
from confiture_schema_to_schema.model import CleanupReport, CleanupRequest, StatusReport, StatusRequest

__all__ = ["cleanup"]


def _question(status: StatusReport, drop: str | None) -> str:
    """What is lost by it: another thing before a cutover than after it."""
    asked = f"remove all that the migration made in {status.source} and {status.target}"
    if drop is not None:
        asked += f", and drop the database {drop!r} with all its rows"
    if status.phase == "none":
        return f"{asked}?"
    if status.live == "old":
        return f"{asked}? {status.source} is the live database: the migration is given up, and begins anew if at all."
    return f"{asked}? There is no way back after it, and no report of it any more."


async def cleanup(
    *,
    databases: DatabasesParam = None,
    drop_database: Annotated[str | None, Parameter(metavar="NAME")] = None,
    yes: Yes = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> CleanupReport:
    """Remove what a migration made in both databases, and say what remains.

    Triggers, functions, logs, slots, foreign servers and the tables of its state. It ends the possibility of a
    rollback: do it when nobody wants to go back any more. The old database stays, and takes writes again, unless its
    name is typed.

    Parameters
    ----------
    drop_database
        The old database's name: it is dropped, with all its rows.
    yes
        Do it without being asked.
    """
    from confiture_schema_to_schema.commands.rendering.cleaned import cleaned_lines

    if drop_database == "":
        raise UsageError("--drop-database has an empty value", hint="give it the old database's name, or leave it out")
    request = CleanupRequest(**sides(databases), drop_database=drop_database)
    async with shell.run(common, anywhere=True) as run:
        if shell.interactive and not yes:
            status: StatusReport = await run.start("schema-to-schema-status", StatusRequest(**sides(databases)))
            shell.confirm(_question(status, drop_database), yes=False, instead="remove what the migration made")
        report: CleanupReport = await run.start("schema-to-schema-cleanup", request)
    for line in cleaned_lines(report):
        shell.print(line)
    return report
