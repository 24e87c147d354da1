"""The medium, followed from the terminal: for every command that copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import ConfitureError
from confiture_schema_to_schema.commands.again import command
from confiture_schema_to_schema.commands.rendering.copied import copied_lines
from confiture_schema_to_schema.commands.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from confiture.cli.command import ProjectOutput
    from confiture.cli.shell import Shell
    from confiture.run import Run
    from confiture_schema_to_schema.model import SchemaToSchemaReport, SchemaToSchemaRequest

__all__ = ["copy"]


async def copy(
    shell: Shell,
    common: ProjectOutput | None,
    request: SchemaToSchemaRequest,
    *,
    first: Callable[[Run], Awaitable[None]] | None = None,
) -> SchemaToSchemaReport:
    """Run the medium, and show its report. ``first``: what is done before it, in the same run."""
    watcher = Watcher(shell, request, common)
    try:
        async with shell.run(common, anywhere=True, observers=[watcher]) as run:
            if first is not None:
                await first(run)
            report: SchemaToSchemaReport = await run.start("schema-to-schema", request)
    except ConfitureError as error:
        watcher.explain(error)
        raise
    shell.left_behind = None
    for line in copied_lines(report, lambda next_: command(next_, request, common)):
        shell.print(line)
    return report
