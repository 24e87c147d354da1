"""``confiture migrate schema-to-schema resume``."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.again import command
from confiture_schema_to_schema.commands.crossing import CROSSING
from confiture_schema_to_schema.commands.options import DatabasesParam, Jobs, MaxRate, at_least, sides
from confiture_schema_to_schema.model import (
    CutoverReport,
    PauseReport,
    PauseRequest,
    SchemaToSchemaReport,
    SchemaToSchemaRequest,
    SettleRequest,
    StatusReport,
    StatusRequest,
)

__all__ = ["resume"]

Without: TypeAlias = Annotated[Literal["none"] | None, Parameter(metavar="none", group=CROSSING)]


async def resume(
    *,
    databases: DatabasesParam = None,
    jobs: Jobs = None,
    max_rate: MaxRate = None,
    switch: Without = None,
    common: ProjectParam = None,
    shell: ShellParam,
) -> CutoverReport | PauseReport | SchemaToSchemaReport:
    """Go on with a migration that was paused or cut.

    A cutover or a rollback that was cut is ended: forward where it was decided, else back. None is begun.

    Where the process that copies was paused and is there still, it is told to go on. Otherwise this one does what is
    left: the new database knows the strategy, the tables and the map, and which rows are there.

    Parameters
    ----------
    jobs
        Sessions at once. [default: as many as this machine has processors, at most 4]
    max_rate
        Megabytes a second, of all sessions together. [default: no limit]
    switch
        End a cutover that was cut without the switch that it was begun with, where that is gone for good: lead
        applications to the live database yourself.
    """
    from confiture_schema_to_schema.commands.copying import copy
    from confiture_schema_to_schema.commands.rendering.crossed import settled_lines

    at_least(jobs, 1, "--jobs")
    at_least(max_rate, 0, "--max-rate")
    named = sides(databases)
    async with shell.run(common, anywhere=True) as run:
        status: StatusReport = await run.start("schema-to-schema-status", StatusRequest(**named))
        if status.crossings and status.crossings[-1].outcome is None:
            settled: CutoverReport = await run.start("schema-to-schema-settle", SettleRequest(**named, switch=switch))
            for line in settled_lines(
                settled, status.crossings[-1].direction, lambda next_: command(next_, SettleRequest(**named), common)
            ):
                shell.print(line)
            return settled
        if status.paused:
            told: PauseReport = await run.start("schema-to-schema-pause", PauseRequest(**named, paused=False))
            if told.running:
                shell.print(f"the migration into {told.target} was paused, and goes on")
                return told
    return await copy(shell, common, SchemaToSchemaRequest(**named, jobs=jobs, max_mb_per_second=max_rate, resume=True))
