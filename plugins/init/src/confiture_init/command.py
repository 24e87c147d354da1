"""``confiture init``: a project that builds as it stands."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from confiture.cli.command import Common, CommonParam, Shell, ShellParam
from confiture.errors import UsageError
from confiture_init.model import InitReport
from confiture_init.writing import absolute, has_own_schema, write_project

if TYPE_CHECKING:
    from confiture.run import Run
    from confiture_init.model import Adopted

__all__ = ["init"]

#: More files than this are counted, not named.
_MOST_LISTED = 30
#: The parts of ``db/schema/10_tables``.
_SCHEMA_DEPTH = 3
_URLS = ("postgresql://", "postgres://")


def init(
    folder: Annotated[str, Parameter(show_default=False)] = "",
    /,
    *,
    name: Annotated[str | None, Parameter(metavar="NAME")] = None,
    from_database: Annotated[bool, Parameter(negative="")] = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> InitReport | Coroutine[Any, Any, InitReport]:
    """Make a project that builds as it stands.

    Writes confiture.toml, a small schema, seed rows and two environments. Nothing is overwritten: a file that exists
    is kept as it is, and a project that has a schema gets no other.

    With --from-database the schema is that of the database that --env, --config or --database-url names, one object a
    file. The files are built on a scratch database first: none is written unless that gives the same database.

    Parameters
    ----------
    folder
        Where; made if it does not exist. [default: the working folder]
    name
        The project's name, in the names of its databases. [default: the folder's]
    from_database
        Take the schema from a database, which is only read.
    """
    shell.configure(common)
    options = common or Common()
    if from_database:
        return _from_database(folder, name, options, shell)
    for option in ("env", "config", "database_url", "project"):
        if getattr(options, option) is not None:
            raise UsageError(
                f"--{option.replace('_', '-')} has no meaning for a project that is made from nothing",
                hint="add --from-database to take the schema from a database, or leave it out",
            )
    # No coroutine: an event loop takes longer to import than these files to write.
    report = write_project(absolute(folder), name)
    _tell(report, folder, shell)
    return report


async def _from_database(folder: str, name: str | None, options: Common, shell: Shell) -> InitReport:
    if folder.startswith(_URLS):  # `init --from-database URL` reads naturally
        if options.database_url is not None:
            raise UsageError("two databases are named", hint="leave out one of them")
        folder, options = "", replace(options, database_url=folder)
    root = absolute(folder) if folder or options.project is None else absolute(options.project)
    if options.project is None and ((root / "confiture.toml").is_file() or (root / "db").is_dir()):
        options = replace(options, project=root)
    async with shell.run(options, anywhere=root) as run:
        _refuse_unnamed(run, options)
        report: InitReport = await run.start("init", folder=str(root), name=name, from_database=True)
    assert report.adopted is not None
    _tell_adopted(report, report.adopted, folder, shell, named=options.database_url is None)
    return report


def _refuse_unnamed(run: Run, options: Common) -> None:
    """The environment `local` is somebody's choice only where it has an address."""
    if options.env or options.config or options.database_url or run.environment.database_url:
        return
    if not os.environ.get("CONFITURE_ENV"):
        raise UsageError(
            "which database?",
            hint="name it: `confiture init --from-database --database-url URL`, or --env NAME for an environment",
        )


def _tell(report: InitReport, folder: str, shell: Shell) -> None:
    _tell_files(report, shell)
    if has_own_schema(Path(report.folder)):
        shell.print("  kept   db/schema/ as it is: it has files of its own")
    shell.print()
    _tell_next(folder, "build it on a PostgreSQL of its own, seed rows included", shell)


def _tell_files(report: InitReport, shell: Shell) -> None:
    written = Counter(report.written)
    if report.adopted is not None and report.adopted.schema_files > _MOST_LISTED:
        # Folder by folder: nobody reads hundreds of names.
        written = Counter(_folder(path) for path in report.written)
    for path, count in written.items():
        named = path in report.written
        shell.print(f"  wrote  {path}" if named else f"  wrote  {path}/ ({count} file{'s' if count != 1 else ''})")
    for path in report.kept:
        shell.print(f"  kept   {path}")


def _folder(path: str) -> str:
    """``db/schema/10_tables`` of a file of the schema; any other path as it is."""
    parts = path.split("/")
    is_schema = path.endswith(".sql") and len(parts) > _SCHEMA_DEPTH
    return "/".join(parts[:_SCHEMA_DEPTH]) if is_schema else path


def _tell_next(folder: str, build: str, shell: Shell) -> None:
    shell.print("Next:")
    if folder and Path(folder) != Path():
        shell.print(f"  cd {shlex.quote(str(Path(folder)))}")
    shell.print(f"  confiture build         {build}")
    shell.print("  confiture server psql   look at it")


def _tell_adopted(report: InitReport, adopted: Adopted, folder: str, shell: Shell, *, named: bool) -> None:
    """``named``: the database has an environment's name already."""
    _tell_files(report, shell)
    shell.print()
    but = f", save for {len(adopted.unproved)} that could not be compared" if adopted.unproved else ""
    shell.print(
        f"{adopted.objects} objects of {adopted.database} in {adopted.schema_files} files. "
        f"Proved: a build of them gives the same database{but}."
    )
    if adopted.order == "auto":
        shell.print('[build] order = "auto" in confiture.toml puts their statements in the order of their needs.')
    if adopted.roles:
        shell.print(f"A server has to have the roles that they name: {', '.join(adopted.roles)}")
    shell.print("Rows were not read: what every database needs of them, as in lookup tables, belongs into db/seeds/.")
    if not named:
        shell.print(
            "The address was not written down, it may hold secrets: db/environments/production.toml.example shows how "
            "to name it as an environment."
        )
    shell.print()
    _tell_next(folder, "build it on a PostgreSQL of its own", shell)
