"""``confiture migrate schema-to-schema rollback``."""

from __future__ import annotations

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.crossing import (
    MaxSeconds,
    SwitchCommand,
    SwitchName,
    Yes,
    cross,
    crossing_request,
)
from confiture_schema_to_schema.commands.options import DatabasesParam
from confiture_schema_to_schema.model import CutoverReport, RollbackRequest

__all__ = ["rollback"]

_QUESTION = "make the old database the live one again? Applications can write to the new one no more."


async def rollback(
    *,
    databases: DatabasesParam = None,
    max_seconds: MaxSeconds = 5.0,
    switch: SwitchName = "none",
    switch_command: SwitchCommand = None,
    yes: Yes = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> CutoverReport:
    """Make the old database the live one again, with what the new one has taken since.

    The same as a cutover, in the other direction. What was written to the new database is in the old one then, through
    the map read backwards; where that cannot be done the plan has said so, and this is refused. Both databases are
    found by what they remember of the cutover, whatever they are called by now.

    Parameters
    ----------
    max_seconds
        For how long writers may wait, all attempts together.
    switch
        What leads the applications back: rename, pgbouncer, command, or one of a plugin. none: you do.
    switch_command
        What --switch command runs, instead of [command] in confiture.toml.
    yes
        Start without being asked.
    """
    request = crossing_request(
        RollbackRequest, databases, max_seconds=max_seconds, switch=switch, switch_command=switch_command
    )
    return await cross(shell, common, "rollback", request, question=_QUESTION, yes=yes)
