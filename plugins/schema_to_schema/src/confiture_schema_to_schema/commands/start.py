"""``confiture migrate schema-to-schema start``."""

from __future__ import annotations

from confiture.cli.command import ProjectParam, ShellParam
from confiture_schema_to_schema.commands.options import (
    DatabasesParam,
    ElsewhereParam,
    Engine,
    Jobs,
    MaxRate,
    Preflight,
    Tables,
    at_least,
    refuse_elsewhere,
    sides,
    table_names,
)
from confiture_schema_to_schema.model import SchemaToSchemaReport, SchemaToSchemaRequest

__all__ = ["start"]


async def start(
    *,
    databases: DatabasesParam = None,
    strategy: Engine = None,
    tables: Tables = (),
    jobs: Jobs = None,
    max_rate: MaxRate = None,
    preflight: Preflight = True,
    elsewhere: ElsewhereParam = None,
    common: ProjectParam = None,
    shell: ShellParam,
) -> SchemaToSchemaReport:
    """Begin a migration into a new database.

    The new database is built from db/schema/ where it is not there yet, and filled from the old one, which goes on
    serving. What changes there is captured before the first row is copied, by triggers unless [schema-to-schema] in
    confiture.toml says otherwise: with capture = "none" it is only read. Nothing is written before all checks have
    passed. A run that is cut is gone on with: confiture migrate schema-to-schema resume.

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
    return await copy(shell, common, request)
