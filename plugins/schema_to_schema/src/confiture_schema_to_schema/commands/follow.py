"""``confiture migrate schema-to-schema follow``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.again import command
from confiture_schema_to_schema.commands.options import DatabasesParam, Jobs, at_least, sides
from confiture_schema_to_schema.model import FollowReport, FollowRequest

__all__ = ["follow"]


async def follow(
    *,
    databases: DatabasesParam = None,
    jobs: Jobs = None,
    until_caught_up: Annotated[bool, Parameter(negative="")] = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> FollowReport:
    """Bring what changes in the live database to the other one, until a cutover takes over.

    Changes are logged from the start on, so nothing is lost while nobody follows; the log grows meanwhile. Begun again
    at any time, after Ctrl-C, a kill, or a restart of either server. After a cutover it follows the new database back
    to the old one, where the map can be inverted: confiture migrate schema-to-schema rollback stays possible.

    Parameters
    ----------
    jobs
        Sessions at once. [default: as many as this machine has processors, at most 4]
    until_caught_up
        End as soon as what waits now is brought over.
    """
    from confiture_schema_to_schema.commands.rendering.followed import followed_lines
    from confiture_schema_to_schema.commands.stopping import until_stopped

    at_least(jobs, 1, "--jobs")
    request = FollowRequest(**sides(databases), until_caught_up=until_caught_up, jobs=jobs)
    async with shell.run(common, anywhere=True) as run:
        with until_stopped():
            report: FollowReport = await run.start("schema-to-schema-follow", request)
    if report.ended == "stopped":
        shell.note(f"stopped; what changes is still logged. To go on: {command('follow', request, common)}")
        return report
    for line in followed_lines(report, lambda next_: command(next_, request, common)):
        shell.print(line)
    return report
