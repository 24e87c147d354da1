"""``confiture build``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture.errors import DatabaseNotEmpty, EnvironmentProtected, UsageError
from confiture_build.model import BuildReport, BuildRequest, Order

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.protocols import Context

__all__ = ["build"]


async def build(
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    execute: bool = True,
    recreate: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="")] = False,
    order: Order | None = None,
    explain: Annotated[bool, Parameter(negative="")] = False,
    seeds: bool = True,
    cache: Annotated[bool | None, Parameter(negative="--no-cache")] = None,
    jobs: Annotated[int | None, Parameter(name=["--jobs", "-j"])] = None,
    databases: int = 0,
    watch: Annotated[bool, Parameter(negative="")] = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> BuildReport | None:
    """Build a fresh database from the DDL files.

    All .sql files below db/schema/ run in alphabetical order on an empty database, which is created if it does not
    exist. The database appears when it is whole, or not at all. The second build of the same files is a clone.

    Parameters
    ----------
    output
        Write the combined script to this file as well.
    execute
        Build the database; --no-execute only combines the files (to stdout without --output) and needs no server.
    recreate
        Replace a database that is not empty; all of its data is lost. The old one stays until the new one is whole.
    yes
        Do not ask before replacing.
    order
        alphabetical, natural (2_x before 10_x), or auto (by what the statements need). [default: as configured]
    explain
        Show the order and why, and run nothing.
    seeds
        Run the seed files (db/seeds/) after the schema.
    cache
        Keep a template database per content, and clone it. [default: as configured]
    jobs
        Connections to build with.
    databases
        Build this many equal databases, named NAME_1, NAME_2..., for parallel tests.
    watch
        Build again, replacing, whenever a file changes.
    """
    shell.configure(common)
    _refuse_nonsense(execute, explain, watch, output=output, recreate=recreate, databases=databases)
    async with shell.run(common) as run:
        request = BuildRequest(
            execute=execute,
            output=str(output.absolute()) if output else None,
            order=order,
            explain=explain,
            seeds=seeds,
            cache=cache,
            jobs=jobs,
            databases=databases,
        )
        if watch:
            from confiture_build.watch import rebuild_on_change

            await rebuild_on_change(run, shell, request, lambda done: _show(shell, done), yes=yes)
            return None
        report = await _build(run, shell, request, recreate=recreate, yes=yes)
        _show(shell, report)
    return report


def _refuse_nonsense(execute: bool, explain: bool, watch: bool, **others: object) -> None:
    """Options that would be ignored: whoever gave them meant something."""
    if watch and (not execute or explain):
        raise UsageError(
            "--watch builds: it goes with neither --no-execute nor --explain", hint="leave one of them out"
        )
    if explain or not execute:
        alone = "--explain" if explain else "--no-execute"
        for name, value in others.items():
            if value and not (name == "output" and not explain):
                raise UsageError(f"{alone} builds nothing: --{name} has no meaning with it", hint=f"leave out --{name}")


async def _build(run: Context, shell: Shell, request: BuildRequest, *, recreate: bool, yes: bool) -> BuildReport:
    import msgspec

    from confiture.hooks import MEDIUM

    medium = run.get(MEDIUM, "build")
    if not recreate or not request.execute or request.explain:
        report: BuildReport = await medium.run(run, request)
        return report
    if not yes:
        try:
            # Asks only where there is something to lose.
            report = await medium.run(run, request)
        except DatabaseNotEmpty as found:
            target = await run.target()
            if target.protected:
                raise EnvironmentProtected(
                    f"the environment {target.label!r} is protected", hint="nothing replaces a protected database"
                ) from found
            shell.confirm(f"{found.message}. Replace it? All of its data is lost.", yes=False, instead=found.message)
        else:
            return report
    replaced: BuildReport = await medium.run(run, msgspec.structs.replace(request, recreate=True))
    return replaced


def _show(shell: Shell, report: BuildReport) -> None:
    if shell.format != "text":
        return
    if report.order:
        _show_order(shell, report)
        return
    if report.sql is not None:
        shell.write(report.sql)
        return
    if report.output:
        shell.print(f"wrote {report.output}")
    for database in report.databases:
        how = "cloned from the template" if database.how == "cloned" else "built"
        replaced = ", the old one replaced" if database.replaced else ""
        shell.print(f"{database.name}: {how}{replaced}")
    if report.databases:
        seeds = f" and {_count(report.seed_files, 'seed file')}" if report.seed_files else ""
        statements = f", {_count(report.statements, 'statement')}" if report.statements else ""
        shell.print(f"{_count(report.files, 'file')}{seeds}{statements}, {report.seconds:.2f} s")


def _show_order(shell: Shell, report: BuildReport) -> None:
    for row in report.order:
        shell.print(f"{row.file}:{row.line}: {row.text}")
        for reason in row.because:
            shell.print(f"    moved: {reason}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
