"""``confiture drift``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture.errors import UsageError
from confiture_incremental.drift.model import DriftReport

__all__ = ["drift"]

_SIDES = {"schema": "in db/schema/", "migrations": "in the applied migrations"}


async def drift(
    *,
    against: Literal["schema", "migrations"] = "schema",
    fix: Annotated[bool, Parameter(negative="")] = False,
    name: str | None = None,
    sql: Annotated[bool, Parameter(negative="")] = False,
    rename: Annotated[tuple[str, ...], Parameter(negative="", metavar="OLD=NEW")] = (),
    drop: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAME")] = (),
    exclude: Annotated[tuple[str, ...], Parameter(negative="", metavar="PATTERN")] = (),
    common: CommonParam = None,
    shell: ShellParam,
) -> DriftReport:
    """Compare a live database with db/schema/, or with what its applied migrations promise.

    Exits with 2 where they differ.

    Parameters
    ----------
    against
        What it is to be like.
    fix
        Write a migration that takes the database there. What is to stay belongs into db/schema/ instead.
    name
        The migration's name. [default: fix_drift]
    sql
        Write the migration as a pair of SQL files.
    rename
        For --fix: what was renamed there, such as users.mail=email. May be given several times.
    drop
        For --fix: what is really to go, a name or a pattern with *. May be given several times.
    exclude
        Objects that are not looked at, such as public.tmp_*. May be given several times.
    """
    if not fix and (name is not None or sql or rename or drop):
        raise UsageError("--name, --sql, --rename and --drop go with --fix", hint="add --fix, or leave them out")
    async with shell.run(common) as run:
        report: DriftReport = await run.start(
            "drift",
            against=against,
            exclude=exclude,
            fix=fix,
            name=name or "fix_drift",
            sql=sql,
            renames=tuple(_pair(each) for each in rename),
            drops=drop,
        )
    for line in _lines(report):
        shell.print(line)
    return report


def _pair(written: str) -> tuple[str, str]:
    old, equals, new = written.partition("=")
    if not (old.strip() and equals and new.strip()):
        raise UsageError(f"--rename {written!r} has no two parts with = between them", hint="--rename users.mail=email")
    return old.strip(), new.strip()


def _lines(report: DriftReport) -> Iterator[str]:
    from confiture_incremental.differences import lines

    yield from report.notes
    side = _SIDES[report.against]
    yield from lines(report.differences, there=f"in {report.database}", promised=side)
    if report.differences and report.pending and report.against == "schema":
        yield f"pending, and part of what differs: {', '.join(report.pending)} (--against migrations leaves them out)"
    if not report.differences:
        yield f"{report.database} is as {'db/schema/ says' if report.against == 'schema' else 'its migrations promise'}"
        return
    many = f"{len(report.differences)} difference{'s' if len(report.differences) != 1 else ''}"
    yield f"{report.database} has drifted: {many}"
    if report.path:
        yield f"wrote {report.path}: there it is run with `confiture migrate up --ignore-drift`"
