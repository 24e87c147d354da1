"""``confiture migrate repair``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture_incremental.repairing import RepairReport

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture_incremental.repairing import Action

__all__ = ["repair"]

#: What each option says, for people who choose one.
_MEANING: dict[Action, str] = {
    "accept": "the edit changes nothing that was applied",
    "forget": "it is gone for good, and what it did stays",
    "skip": "that statement took place",
    "again": "that statement did not take place",
    "done": "all of it is in the database",
    "undone": "nothing of it is in the database",
}


async def repair(
    version: str | None = None,
    /,
    *,
    accept: Annotated[bool, Parameter(negative="")] = False,
    done: Annotated[bool, Parameter(negative="")] = False,
    undone: Annotated[bool, Parameter(negative="")] = False,
    skip: Annotated[bool, Parameter(negative="")] = False,
    again: Annotated[bool, Parameter(negative="")] = False,
    forget: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="")] = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> RepairReport:
    """Say how a migration stands, where the history cannot know; without an option, show what there is to say.

    A row is appended to the history; nothing else of the database is touched.

    Parameters
    ----------
    version
        The migration's version.
    accept
        Its file was edited since it was applied, and that changes nothing.
    done
        It failed or stopped half-way, and all of it is in the database now.
    undone
        It failed or stopped half-way, and nothing of it is in the database now.
    skip
        The statement at which it stopped took place: go on after it.
    again
        The statement at which it stopped did not take place: begin with it.
    forget
        It is applied, and its file is gone for good.
    yes
        Do not ask.
    """
    from confiture.errors import UsageError

    given = {"accept": accept, "done": done, "undone": undone, "skip": skip, "again": again, "forget": forget}
    chosen = [name for name, value in given.items() if value]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(f'--{name}' for name in chosen)} exclude each other", hint="give one of them")
    action = chosen[0] if chosen else None
    async with shell.run(common) as run:
        report: RepairReport = await run.start("repair", version=version, action=action, dry_run=True)
        if action is None:
            _show(shell, report)
            return report
        shell.confirm(
            f"This is recorded in {report.database}: {report.says}. Is it so?",
            yes=yes,
            instead=f"it would be recorded in {report.database!r} that {report.says}",
        )
        report = await run.start("repair", version=version, action=action)
    shell.print(f"recorded in {report.database}: {report.says}")
    return report


def _show(shell: Shell, report: RepairReport) -> None:
    if not report.repairable:
        shell.print(f"nothing to repair in {report.database}")
    for one in report.repairable:
        shell.print(f"{one.version} {one.name}: {one.detail}")
        if one.next is not None:
            shell.print(f"    statement {one.next[0]}: {one.next[1]}")
        for way in one.ways:
            shell.print(f"    confiture migrate repair {one.version} --{way:<8} {_MEANING[way]}")
