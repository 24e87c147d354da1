"""``confiture migrate schema-to-schema validate``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.options import DatabasesParam, Jobs, Tables, at_least, sides, table_names
from confiture_schema_to_schema.model import ValidateReport, ValidateRequest

__all__ = ["validate"]


async def validate(
    *,
    databases: DatabasesParam = None,
    tables: Tables = (),
    jobs: Jobs = None,
    max_keys: Annotated[int, Parameter(metavar="N")] = 20,
    common: ProjectParam = None,
    shell: ShellParam,
) -> ValidateReport:
    """Compare the new database with what the map gives of the old one.

    Counts and hash sums of all rows are compared segment by segment, and where they differ the rows are found. No row
    is changed. Where a table is not what the map gives the exit code is 7. Rows that the old database took since they
    were copied differ where nobody follows: that is found, and not put right.

    Parameters
    ----------
    tables
        Tables of the old or the new database, with commas between them. [default: all]
    jobs
        Sessions at once. [default: as many as this machine has processors, at most 4]
    max_keys
        So many keys of rows that differ are shown for each table.
    """
    from confiture_schema_to_schema.commands.rendering.validated import validated_lines

    at_least(jobs, 1, "--jobs")
    at_least(max_keys, 1, "--max-keys")
    request = ValidateRequest(**sides(databases), tables=table_names(tables), jobs=jobs, max_keys=max_keys)
    async with shell.run(common, anywhere=True) as run:
        report: ValidateReport = await run.start("schema-to-schema-validate", request)
    for line in validated_lines(report):
        shell.print(line)
    return report
