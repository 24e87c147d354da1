"""``confiture migrate schema-to-schema map``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture.cli.words import names, split_unquoted
from confiture.errors import UsageError
from confiture_schema_to_schema.commands.options import DatabasesParam, sides
from confiture_schema_to_schema.model import MapReport, MapRequest

__all__ = ["write_map"]


async def write_map(
    *,
    databases: DatabasesParam = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], metavar="FILE")] = None,
    rename: Annotated[tuple[str, ...], Parameter(negative="", metavar="OLD=NEW")] = (),
    drop: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAMES")] = (),
    force: Annotated[bool, Parameter(negative="")] = False,
    common: ProjectParam = None,
    shell: ShellParam,
) -> MapReport:
    """Write a first migration map, from what differs.

    The schema of the old database is compared with the new one (db/schema/, where the new database is not there yet):
    what seems renamed is written as a rename, what is gone as dropped, and what somebody has to decide as a comment.

    Parameters
    ----------
    output
        The file. [default: --mapping, else db/migration_map.yaml]
    rename
        What was renamed, such as users.full_name=display_name. May be given several times.
    drop
        Tables or columns of the old database that are not taken along.
    force
        Replace a file that is there.
    """
    named = sides(databases)
    if output is not None and str(output) in ("", "."):
        raise UsageError("--output has an empty value", hint="give it one, or leave the option out")
    request = MapRequest(
        **named,
        output=named["mapping"] if output is None else str(output),
        force=force,
        renames=dict(_pair(text) for text in names(rename, "--rename")),
        drops=names(drop, "--drop"),
    )
    async with shell.run(common, anywhere=True) as run:
        report: MapReport = await run.start("schema-to-schema-map", request)
    for line in report.open:
        shell.print(f"to decide: {line}")
    shell.print(f"wrote {report.path}")
    return report


def _pair(text: str) -> tuple[str, str]:
    old, *new = (part.strip() for part in split_unquoted(text, "=", 1))
    if not old or not new or not new[0]:
        raise UsageError(
            f"--rename {text!r} has no two names with = between them",
            hint="write --rename users.full_name=display_name",
        )
    return old, new[0]
