"""``confiture migrate schema-to-schema``: the plan, and then the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from confiture.cli.command import ProjectParam, ShellParam
from confiture.cli.units import many
from confiture.errors import Refused
from confiture_schema_to_schema.commands.options import (
    DatabasesParam,
    ElsewhereParam,
    Engine,
    Jobs,
    MaxRate,
    Preflight,
    Sides,
    Tables,
    at_least,
    refuse_elsewhere,
    sides,
    table_names,
)
from confiture_schema_to_schema.model import (
    PlanReport,
    PlanRequest,
    SchemaToSchemaReport,
    SchemaToSchemaRequest,
    StatusReport,
    StatusRequest,
)

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.run import Run

__all__ = ["schema_to_schema"]


async def schema_to_schema(
    *,
    databases: DatabasesParam = None,
    strategy: Engine = None,
    tables: Tables = (),
    jobs: Jobs = None,
    max_rate: MaxRate = None,
    preflight: Preflight = True,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="")] = False,
    elsewhere: ElsewhereParam = None,
    common: ProjectParam = None,
    shell: ShellParam,
) -> SchemaToSchemaReport:
    """Move into a new database with a new schema, while the old one goes on serving.

    Shows the plan and starts; on a terminal it asks in between. What is renamed, split, merged or transformed on the
    way stands in the migration map; what has the same name on both sides needs no word. After the copy the new database
    follows what changes (confiture migrate schema-to-schema follow), until it takes over (cutover). Changes are
    captured from the start on, by triggers unless [schema-to-schema] in confiture.toml says otherwise.

    Parameters
    ----------
    strategy
        The transfer engine: copy, fdw, hybrid, or one of a plugin. [default: fdw]
    tables
        Tables of the old or the new database, with commas between them. [default: all]
    jobs
        Sessions at once. [default: as many as this machine has processors, at most 4]
    max_rate
        Megabytes a second, of all sessions together. [default: no limit]
    preflight
        Look for rows that the new schema would not take, before any is copied.
    yes
        Start without being asked.
    """
    from confiture_schema_to_schema.commands.copying import copy

    refuse_elsewhere(elsewhere)
    at_least(jobs, 1, "--jobs")
    at_least(max_rate, 0, "--max-rate")
    request = SchemaToSchemaRequest(
        **sides(databases),
        strategy=strategy,
        tables=table_names(tables),
        jobs=jobs,
        max_mb_per_second=max_rate,
        preflight=preflight,
    )

    async def first(run: Run) -> None:
        await _show_plan(run, shell, request)
        if shell.interactive and not yes:
            shell.confirm("start?", yes=False, instead="start the migration")

    # A program reads one document: it asks for the plan by itself.
    return await copy(shell, common, request, first=first if shell.format == "text" else None)


async def _show_plan(run: Run, shell: Shell, request: SchemaToSchemaRequest) -> None:
    """Show it. Raises ``Refused`` where an error is among it."""
    from confiture_schema_to_schema.commands.rendering.plan import plan_lines

    asked = Sides(source=request.source, target=request.target, mapping=request.mapping)
    status: StatusReport = await run.start("schema-to-schema-status", StatusRequest(**asked))
    if status.phase not in ("none", "copied") or status.following is not None:
        return  # the start says that there is one to go on with; what is planned for its target would mislead
    report: PlanReport = await run.start(
        "schema-to-schema-plan",
        PlanRequest(**asked, strategy=request.strategy, tables=request.tables, preflight=request.preflight),
    )
    for line in plan_lines(report):
        shell.print(line)
    shell.print()
    if report.errors:
        raise Refused(
            f"{many(len(report.errors), 'error')} above: no migration into {report.target!r} was begun",
            hint="settle what the plan marks as an error",
        )
