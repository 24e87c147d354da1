"""``confiture migrate schema-to-schema rollback``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture.errors import UsageError
from confiture_schema_to_schema.commands.crossing import (
    CROSSING,
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

Lose: TypeAlias = Annotated[tuple[str, ...], Parameter(negative="", metavar="TABLE", group=CROSSING)]

_QUESTION = "make {old} the live database again? Applications can write to {new} no more."


async def rollback(
    *,
    databases: DatabasesParam = None,
    lose: Lose = (),
    max_seconds: MaxSeconds = 5.0,
    switch: SwitchName = "none",
    switch_command: SwitchCommand = None,
    yes: Yes = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> CutoverReport:
    """Make the old database the live one again, with what the new one has taken since.

    The same as a cutover, in the other direction. What was written to the new database is in the old one then, through
    the map read backwards. Where nothing leads back the plan has said so, and `status` says what was written there:
    that is lost only where --lose names the table. The old database is compared with the new one first. Both are found
    by what they remember of the cutover, whatever they are called by now.

    Parameters
    ----------
    lose
        A table of the new database whose changes since the cutover may be lost, since nothing leads back from it; again
        for each of them.
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
    if "" in lose:
        raise UsageError("--lose has an empty value", hint="give it the name of a table, or leave the option out")
    request = msgspec.structs.replace(request, lose=lose)
    return await cross(shell, common, "rollback", request, question=_QUESTION, yes=yes)
