"""``confiture migrate up``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter

from confiture.cli.command import CommonSqlParam, ShellParam
from confiture_incremental.commands.running import Running, run
from confiture_incremental.model import RunReport, UpRequest

__all__ = ["up"]


async def up(
    *,
    allow_out_of_order: Annotated[bool, Parameter(negative="")] = False,
    running: Running | None = None,
    common: CommonSqlParam = None,
    shell: ShellParam,
) -> RunReport:
    """Apply pending migrations, each in its transaction.

    What cannot run in a transaction is run outside of one, and its steps are recorded: after a failure the same
    command goes on where it stopped.

    Parameters
    ----------
    allow_out_of_order
        Also apply migrations whose number is below one that is applied.
    """
    values = (running or Running()).as_request()
    return await run(
        shell, common, "up", msgspec.convert({**values, "allow_out_of_order": allow_out_of_order}, UpRequest)
    )
