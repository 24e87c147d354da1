"""``confiture sync``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from confiture.cli.command import Output, ShellParam
from confiture.errors import UsageError
from confiture_sync.model import SyncReport, SyncRequest

__all__ = ["sync"]


async def sync(
    *,
    from_: Annotated[str, Parameter(name="--from", metavar="ENV|DSN")],
    to: Annotated[str, Parameter(name="--to", metavar="ENV|DSN")],
    tables: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAMES")] = (),
    exclude: Annotated[tuple[str, ...], Parameter(negative="", metavar="NAMES")] = (),
    anonymize: Annotated[tuple[str, ...], Parameter(negative="", metavar="COLUMNS")] = (),
    config: Annotated[Path | None, Parameter(name=["--config", "-c"], metavar="FILE")] = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    output: Output | None = None,
    shell: ShellParam,
) -> SyncReport:
    """Copy tables from one database into another, personal data masked on the way.

    Parameters
    ----------
    from_
        The database that is read.
    to
        The database that is written to.
    tables
        Tables to copy, separated by commas. [default: all]
    exclude
        Tables that are left out.
    anonymize
        Columns that must be masked.
    config
        The file of rules. [default: db/sync_config.yaml]
    dry_run
        Check everything, and write nothing.
    """
    shell.configure(output)
    request = SyncRequest(
        source=from_,
        target=to,
        tables=_names(tables),
        exclude=_names(exclude),
        anonymize=_names(anonymize),
        config=None if config is None else str(config),
        dry_run=dry_run,
        resumable=True,
    )
    async with shell.run(anywhere=True) as run:
        report: SyncReport = await run.start("sync", request)
    shell.print_table(("table", "rows"), [(table.table, str(table.rows)) for table in report.tables])
    return report


def _names(written: tuple[str, ...]) -> tuple[str, ...]:
    """What commas separate, outside of quotes."""
    return tuple(part for text in written for part in _split(text))


def _split(text: str) -> list[str]:
    parts, quoted, start = [], False, 0
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    if not all(part.strip() for part in parts):
        raise UsageError(f"{text!r} has an empty name", hint="write names with commas between them: users,posts")
    return [part.strip() for part in parts]
