"""``confiture sync``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Group, Parameter

from confiture.cli.command import ProjectParam, ShellParam, environments
from confiture.cli.words import names
from confiture.errors import ConfitureError, UsageError
from confiture_sync.commands.words import lists, pairs, samples
from confiture_sync.model import SyncReport, SyncRequest

__all__ = ["sync"]

_SIDES = Group("Databases", sort_key=6)
_TABLES = Group("What is copied", sort_key=7)
_MASKS = Group("Masks", sort_key=8)
_ROWS = Group("Some of the rows", sort_key=9)
_WRITE = Group("The target", sort_key=10)
_RUN = Group("The run", sort_key=11)


def _many(metavar: str, group: Group) -> Any:
    return Parameter(negative="", metavar=metavar, group=group)


_Tables: TypeAlias = Annotated[tuple[str, ...], _many("NAMES", _TABLES)]
_Columns: TypeAlias = Annotated[tuple[str, ...], _many("COLUMNS", _MASKS)]


async def sync(
    *,
    from_: Annotated[str, Parameter(name="--from", metavar="ENV|DSN", group=_SIDES, completer=environments)],
    to: Annotated[str, Parameter(name="--to", metavar="ENV|DSN", group=_SIDES, completer=environments)],
    allow_remote: Annotated[bool, Parameter(negative="", group=_SIDES)] = False,
    tables: _Tables = (),
    exclude: _Tables = (),
    with_parents: Annotated[bool, Parameter(negative="", group=_TABLES)] = False,
    cut: Annotated[tuple[str, ...], _many("COLUMNS", _TABLES)] = (),
    anonymize: _Columns = (),
    keep: Annotated[tuple[str, ...], _many("COLUMN=REASON", _MASKS)] = (),
    config: Annotated[Path | None, Parameter(name=["--config", "-c"], metavar="FILE", group=_MASKS)] = None,
    mask: Annotated[bool, Parameter(group=_MASKS)] = True,
    confirm: Annotated[str | None, Parameter(metavar="NAME", group=_MASKS)] = None,
    where: Annotated[tuple[str, ...], _many("TABLE=SQL", _ROWS)] = (),
    sample: Annotated[tuple[str, ...], _many("[TABLE=]SIZE", _ROWS)] = (),
    ids: Annotated[tuple[str, ...], _many("TABLE=KEYS", _ROWS)] = (),
    children: Annotated[tuple[str, ...], _many("COLUMNS", _ROWS)] = (),
    max_rows: Annotated[int | None, Parameter(metavar="N", group=_ROWS)] = None,
    truncate: Annotated[bool, Parameter(negative="", group=_WRITE)] = False,
    upsert: Annotated[bool, Parameter(negative="", group=_WRITE)] = False,
    verify: Annotated[bool, Parameter(group=_WRITE)] = True,
    dry_run: Annotated[bool, Parameter(negative="", group=_RUN)] = False,
    resume: Annotated[bool, Parameter(negative="", group=_RUN)] = False,
    jobs: Annotated[int | None, Parameter(metavar="N", group=_RUN)] = None,
    common: ProjectParam = None,
    shell: ShellParam,
) -> SyncReport:
    """Copy tables from one database into another, personal data masked on the way.

    The source is only read. A column that looks personal is masked by a rule, or kept with a reason; otherwise nothing
    is copied. Names are table, schema.table or with * in them, separated by commas; "Odd.Names" in double quotes.

    Parameters
    ----------
    from_
        The database that is read. A connection string can be seen by others on this machine: no password here.
    to
        The database that is written to; its tables are there already.
    allow_remote
        The target may be on another machine.
    tables
        Tables that are copied. [default: all]
    exclude
        Tables that are left out.
    with_parents
        Copy tables that are referenced, too, though they were not named.
    cut
        Foreign keys, such as posts.editor_id, that become NULL where the parent is not copied.
    anonymize
        Columns that must be masked: by their rule, else by the default for what they look like.
    keep
        A column that may leave as it is, and why: 'users.country=needed for tax'. May be given several times.
    config
        The file of rules. [default: db/sync_config.yaml]
    mask
        Mask columns. Without it, --confirm must name the target.
    confirm
        The target's name again, for --no-mask.
    where
        Rows of a table to begin with, by a condition over the row as it is: 'users=id < 1000'. May be given several
        times.
    sample
        Rows to begin with, by a share: 1%, users=1%, users=all. The same ones each time.
    ids
        Rows to begin with, by primary key: users=1,2,3.
    children
        Foreign keys, such as posts.user_id, that are followed from parent to child.
    max_rows
        Refuse to copy more rows than that, in all.
    truncate
        Take the rows out of the target's tables first.
    upsert
        Replace rows of the same primary key, and leave the others.
    verify
        Look at the target afterwards: rows, foreign keys, unique keys, and originals that should not be there.
    dry_run
        Check everything, and write nothing.
    resume
        Go on with a run that was cut.
    jobs
        Sessions at once. [default: as this machine and the servers bear]
    """
    from confiture_sync.commands.render import report_lines
    from confiture_sync.commands.watching import Watcher

    if config is not None and str(config) in ("", "."):  # "." is what an empty path is
        raise UsageError("--config has an empty value", hint="give it one, or leave the option out")
    request = SyncRequest(
        source=from_,
        target=to,
        tables=names(tables, "--tables"),
        exclude=names(exclude, "--exclude"),
        anonymize=names(anonymize, "--anonymize"),
        keep=pairs(keep, "--keep", "--keep 'users.country=needed for tax'"),
        config=None if config is None else str(config),
        mask=mask,
        confirm=confirm,
        where=pairs(where, "--where", "--where 'users=id < 1000'"),
        sample=samples(sample),
        ids=lists(ids, "--ids", "--ids users=1,2,3"),
        children=names(children, "--children"),
        cut=names(cut, "--cut"),
        with_parents=with_parents,
        max_rows=max_rows,
        truncate=truncate,
        upsert=upsert,
        allow_remote=allow_remote,
        jobs=jobs,
        dry_run=dry_run,
        resume=resume,
        resumable=True,
        verify=verify,
    )
    watcher = Watcher(shell, request)
    try:
        async with shell.run(common, anywhere=True, observers=[watcher]) as run:
            report: SyncReport = await run.start("sync", request)
    except ConfitureError as error:
        watcher.explain(error)
        raise
    shell.left_behind = None
    for line in report_lines(report):
        shell.print(line)
    return report
