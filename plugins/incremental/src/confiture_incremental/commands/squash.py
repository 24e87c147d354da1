"""``confiture migrate squash``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture_incremental.squashing import SquashReport

__all__ = ["squash"]


async def squash(
    version: str,
    /,
    *,
    name: str = "baseline",
    leave_out: Annotated[bool, Parameter(negative="")] = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> SquashReport:
    """Make one migration of the first ones, up to VERSION, and remove those.

    It has that version, and makes the schema that they made; both are proved before a file is removed. Databases
    that have all of them record it at their next `migrate up`, and run nothing.

    Parameters
    ----------
    version
        The last one that is squashed.
    name
        The name of the new one.
    leave_out
        New databases do without what no schema holds: rows, roles.
    """
    async with shell.run(common) as run:
        report: SquashReport = await run.start("squash", version=version, name=name, leave_out=leave_out)
    shell.print(report.path)
    for path in report.removed:
        shell.print(f"- {path}")
    for line in report.left_out:
        shell.print(f"! left out: {line}")
    shell.print(f"{report.version} stands for {len(report.replaces)} migrations, proved; it has no way back")
    return report
