"""``confiture migrate history``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture_incremental.commands.render import seconds
from confiture_incremental.model import HistoryReport

__all__ = ["history"]


async def history(
    version: str | None = None,
    /,
    *,
    limit: Annotated[int | None, Parameter(metavar="N")] = None,
    common: CommonParam = None,
    shell: ShellParam,
) -> HistoryReport:
    """Show what happened to a database, newest first: failures and what was taken back too.

    Parameters
    ----------
    version
        Of one migration only.
    limit
        So many events at most.
    """
    async with shell.run(common) as run:
        report: HistoryReport = await run.start("history", version=version, limit=limit)
    if not report.events:
        shell.print(f"{report.database} has no history")
        return report
    shell.print_table(
        ("at", "version", "name", "what", "took", "by", "message"),
        [
            (
                f"{one.at:%Y-%m-%d %H:%M:%S}",
                one.version,
                one.name,
                f"{one.direction} {one.state}",
                seconds(one.duration_s) if one.duration_s is not None else "",
                f"{one.by} ({one.host})" if one.host else one.by,
                (one.message or "").splitlines()[0] if one.message else "",
            )
            for one in report.events
        ],
    )
    return report
