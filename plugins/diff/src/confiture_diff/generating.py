"""Writes the plan and its way back as the project's next migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.migrations.finding import migrations_folder
from confiture.migrations.writing import write_migration, write_sql_pair
from confiture_diff.render import proof_lines

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_diff.model import DiffReport, DiffRequest

__all__ = ["write"]


def write(ctx: Context, request: DiffRequest, report: DiffReport) -> DiffReport:
    """Write ``db/migrations/NNN_name.py``, or a pair of SQL files; the report with its path.

    Raises ``UsageError`` for a name that another migration has.
    """
    folder = migrations_folder(ctx.project)
    down = report.backward.statements if request.backward and report.irreversible is None else None
    proof = [line for line in proof_lines(report) if request.backward or line != "not proved: backward"]
    notes = {"Proof": proof}
    if report.irreversible is not None:
        notes["No way back"] = [report.irreversible]
    name = request.generate or ""
    numbering = ctx.settings("migrations", MigrationsConfig).numbering
    if request.sql:
        path, _ = write_sql_pair(folder, name, report.plan.statements, down, numbering=numbering, docstring_notes=notes)
    else:
        path = write_migration(folder, name, report.plan.statements, down, numbering=numbering, docstring_notes=notes)
    return msgspec.structs.replace(report, path=ctx.project.shown(path))
