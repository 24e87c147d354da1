"""``confiture sync init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam, environments
from confiture.cli.words import names
from confiture_sync.initialising_model import SyncInitReport, SyncInitRequest

__all__ = ["init"]


async def init(
    *,
    from_: Annotated[str, Parameter(name="--from", metavar="ENV|DSN", completer=environments)],
    tables: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAMES")] = (),
    exclude: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAMES")] = (),
    config: Annotated[Path | None, Parameter(name=["--config", "-c"], metavar="FILE")] = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    accept: Annotated[bool, Parameter(negative="")] = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> SyncInitReport:
    """Write the first rules for a sync, from what looks personal in a database.

    The database is only read: names, types and a sample of rows are judged there, and no value leaves it. Two files
    are written: the rules, one for each column that looks personal, and db/sync_coverage.toml, the columns that
    somebody has looked at. From then on a sync stops at a column that is not in it. A file of rules that is there is
    not touched; what it does not cover is shown.

    Parameters
    ----------
    from_
        The database that is looked at. A connection string can be seen by others on this machine: no password here.
    tables
        Tables that are looked at. [default: all]
    exclude
        Tables that are left out.
    config
        The file of rules. [default: db/sync_config.yaml]
    force
        Write the file of rules anew, though there is one.
    accept
        Take the columns as they are now into db/sync_coverage.toml, and show what is new. No rules are written.
    """
    request = SyncInitRequest(
        source=from_,
        tables=names(tables, "--tables"),
        exclude=names(exclude, "--exclude"),
        config=None if config is None else str(config),
        force=force,
        accept=accept,
    )
    async with shell.run(common, anywhere=True) as run:
        report: SyncInitReport = await run.start("sync-init", request)
    rows = [(each.column, each.what, " and ".join(each.because), each.state) for each in report.findings]
    if rows:
        shell.print_table(("column", "looks like", "because of its", "state"), rows)
    else:
        shell.print("nothing looks personal")
    for line in report.changed:
        shell.print(f"{report.coverage}: {line}")
    for name in report.unfitting:
        shell.print(f"no rule fits {name}: write one")
    for file in report.written:
        shell.print(f"wrote {file}")
    if report.open and report.config not in report.written:
        count = "1 column is" if len(report.open) == 1 else f"{len(report.open)} columns are"
        shell.print(f"{count} not covered by {report.config}: write rules, or keep them with a reason")
    elif not report.written:
        shell.print(f"{report.config} is there already, and covers all of it; --force writes it anew")
    return report
