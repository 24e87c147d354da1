"""``confiture migrate schema-to-schema plan``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.options import (
    DatabasesParam,
    ElsewhereParam,
    Engine,
    Preflight,
    Tables,
    refuse_elsewhere,
    sides,
    table_names,
)
from confiture_schema_to_schema.model import PlanReport, PlanRequest

__all__ = ["plan"]


async def plan(
    *,
    databases: DatabasesParam = None,
    strategy: Engine = None,
    tables: Tables = (),
    preflight: Preflight = True,
    sample: Annotated[bool, Parameter(negative="--no-sample")] = True,
    elsewhere: ElsewhereParam = None,
    common: ProjectParam = None,
    shell: ShellParam,
) -> PlanReport:
    """Show what a migration into a new database would do, and change nothing.

    For each table: the SQL that is run, which engine moves it and why, its size, the rate that was measured and the
    time that it takes, what is locked and for how long, what cannot be brought back. Then what is in the way: rows that
    the new schema would not take, by key, privileges, settings. With an error among that the exit code is 8.

    Parameters
    ----------
    strategy
        The transfer engine: copy, fdw, hybrid, or one of a plugin. [default: fdw]
    tables
        Tables of the old or the new database, with commas between them. [default: all]
    preflight
        Look for rows that the new schema would not take.
    sample
        Read some rows to measure how fast they move.
    """
    from confiture_schema_to_schema.commands.rendering.plan import plan_lines

    refuse_elsewhere(elsewhere)
    request = PlanRequest(
        **sides(databases), strategy=strategy, tables=table_names(tables), sample=sample, preflight=preflight
    )
    async with shell.run(common, anywhere=True) as run:
        report: PlanReport = await run.start("schema-to-schema-plan", request)
    for line in plan_lines(report):
        shell.print(line)
    return report
