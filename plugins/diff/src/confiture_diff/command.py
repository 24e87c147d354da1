"""``confiture migrate diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonSqlParam, ShellParam
from confiture.errors import UsageError
from confiture_diff.model import DiffReport, DiffRequest

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.protocols import Context

__all__ = ["diff"]

#: The exit code of --exit-code where there is a difference.
_CHANGES = 2


async def diff(
    old: str | None = None,
    new: str | None = None,
    /,
    *,
    baseline: Annotated[str | None, Parameter(metavar="ENV")] = None,
    rename: Annotated[tuple[str, ...], Parameter(negative="", metavar="OLD=NEW")] = (),
    drop: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAME")] = (),
    backfill: Annotated[tuple[str, ...], Parameter(negative="", metavar="COLUMN=EXPR")] = (),
    offline: Annotated[bool, Parameter(negative="")] = False,
    prove: bool = True,
    target_version: int | None = None,
    exclude: Annotated[tuple[str, ...], Parameter(negative="", metavar="PATTERN")] = (),
    generate: Annotated[bool, Parameter(negative="")] = False,
    name: str | None = None,
    sql: Annotated[bool, Parameter(negative="")] = False,
    exit_code: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
    cache: Annotated[bool, Parameter(negative="--no-cache")] = True,
    common: CommonSqlParam = None,
    shell: ShellParam,
) -> DiffReport:
    """Show, prove and write what takes one schema to another.

    OLD and NEW are files or folders of SQL, sources with an address (git:HEAD~1, migrations:, empty:), environments
    (env:production) or connection strings. Without them: what the migrations give, and the project's schema.

    Parameters
    ----------
    baseline
        Where there are no migrations yet, begin with the database of that environment, not with an empty one.
    rename
        What was renamed, such as users.full_name=display_name. May be given several times.
    drop
        What is really meant to go, though it may look renamed or hold data: a name, or a pattern with *.
    backfill
        What the rows that are there get in a new NOT NULL column, such as "users.email=login || '@example.com'". May be
        given several times.
    offline
        The short statements, for a database that nobody uses meanwhile.
    prove
        Try the plan and its way back on scratch databases.
    target_version
        The major version of the server that the plan is for. [default: the live old side's, else 18]
    exclude
        Objects that are left alone, such as public.tmp_*. May be given several times.
    generate
        Write the plan and its way back as the project's next migration, named by --name.
    name
        The migration's name, such as add_user_bio.
    sql
        Write the migration as a pair of SQL files.
    exit_code
        Exit with 2 where there is a difference.
    force
        Take a plan though it was tried and leads elsewhere.
    cache
        Remember the schemas of DDL that was read.
    """
    shell.configure(common)
    if generate != (name is not None) or (sql and not generate):
        raise UsageError(
            "--generate and --name go together, and --sql goes with them", hint="--generate --name add_bio"
        )
    if baseline is not None and old is not None:
        raise UsageError("--baseline is the old side, and so is OLD", hint="give one of them")
    request = DiffRequest(
        old=old,
        baseline=baseline,
        new=new,
        renames=tuple(_pair(each) for each in rename),
        drops=drop,
        backfills=dict(_pair(each, "--backfill") for each in backfill),
        offline=offline,
        prove=prove,
        target_version=target_version,
        exclude=exclude,
        force=force,
        cache=cache,
        generate=name,
        sql=sql,
    )
    # A default is the project's: without a project both sides must be said.
    async with shell.run(common, anywhere=old is not None and new is not None) as run:
        report = await _decided(run, shell, request)
        _show(shell, report)
    if exit_code and report.changed:
        import msgspec

        return msgspec.structs.replace(report, exit_code=_CHANGES)
    return report


async def _decided(run: Context, shell: Shell, request: DiffRequest) -> DiffReport:
    """The report; on a terminal, what the differ is not sure of is asked."""
    import msgspec

    from confiture.errors import DecisionsNeeded
    from confiture.hooks import MEDIUM

    medium = run.get(MEDIUM, "diff")
    while True:
        try:
            report: DiffReport = await medium.run(run, request)
        except DecisionsNeeded as error:
            if not shell.interactive or not error.questions:
                raise
            from confiture_diff.asking import ask

            renames, drops = ask(shell, error.questions)
            request = msgspec.structs.replace(
                request, renames=(*request.renames, *renames), drops=(*request.drops, *drops)
            )
        else:
            return report


def _pair(written: str, option: str = "--rename") -> tuple[str, str]:
    """``users.full_name=display_name`` in its two parts; an equals sign within quotes is part of a name."""
    quoted = False
    for index, character in enumerate(written):
        if character == '"':
            quoted = not quoted
        elif character == "=" and not quoted:
            old, new = written[:index].strip(), written[index + 1 :].strip()
            if old and new:
                return old, new
            break
    example = "users.full_name=display_name" if option == "--rename" else "\"users.email=login || '@example.com'\""
    raise UsageError(f"{option} {written!r} has no two parts with = between them", hint=f"{option} {example}")


def _show(shell: Shell, report: DiffReport) -> None:
    from confiture_diff.render import as_sql, as_text

    if shell.format == "sql":
        shell.write(as_sql(report.plan))
    elif shell.format == "text":
        for line in as_text(report):
            shell.print(line)
