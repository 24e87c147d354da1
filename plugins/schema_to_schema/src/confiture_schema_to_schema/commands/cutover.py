"""``confiture migrate schema-to-schema cutover``."""

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
from confiture_schema_to_schema.model import CutoverReport, CutoverRequest

__all__ = ["cutover"]

_QUESTION = "make {new} the live database? Applications can write to {old} no more."


async def cutover(
    *,
    databases: DatabasesParam = None,
    max_seconds: MaxSeconds = 5.0,
    switch: SwitchName = "none",
    switch_command: SwitchCommand = None,
    yes: Yes = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> CutoverReport:
    """Make the new database the live one.

    Takes over from a process that follows, which ends. Writers of the old database wait for about a second; then it is
    closed for writes for good, with all that was written to it in the new one. Where that cannot be reached in time
    everything is as it was before, and the exit code is 9. Killed at any moment: confiture migrate schema-to-schema
    status says which side is live, and resume ends it.

    Parameters
    ----------
    max_seconds
        For how long writers may wait, all attempts together.
    switch
        What leads the applications over: rename, pgbouncer, command, or one of a plugin. none: you do.
    switch_command
        What --switch command runs, instead of [command] in confiture.toml.
    yes
        Start without being asked.
    """
    request = crossing_request(
        CutoverRequest, databases, max_seconds=max_seconds, switch=switch, switch_command=switch_command
    )
    return await cross(shell, common, "cutover", request, question=_QUESTION, yes=yes)
