"""``confiture sync abandon``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam, environments
from confiture.cli.units import many
from confiture_sync.abandoning_model import SyncAbandonReport, SyncAbandonRequest

__all__ = ["abandon"]


async def abandon(
    *,
    to: Annotated[str, Parameter(name="--to", metavar="ENV|DSN", completer=environments)],
    jobs: Annotated[int | None, Parameter(metavar="N")] = None,
    common: ProjectParam = None,
    shell: ShellParam,
) -> SyncAbandonReport:
    """Give up a sync that was cut, and put its target right.

    Indexes, foreign keys and triggers that the run took off its tables are put back. Tables that it had not completed
    are emptied, and those whose rows need them. After --upsert no table is emptied. To go on instead: confiture sync
    with --resume.

    Parameters
    ----------
    to
        The database that was written to. A connection string can be seen by others on this machine: no password here.
    jobs
        Sessions at once. [default: as many as this machine has processors, at most 4]
    """
    request = SyncAbandonRequest(target=to, jobs=jobs)
    async with shell.run(common, anywhere=True) as run:
        report: SyncAbandonReport = await run.start("sync-abandon", request)
    if not report.run_id:
        shell.print(f"no sync into {report.target} is unfinished")
        return report
    shell.print(f"the sync {report.run_id} is given up, {many(report.objects, 'object')} put back")
    for table in report.emptied:
        shell.print(f"emptied: {table}")
    return report
