"""``confiture migrate down``."""

from __future__ import annotations

import msgspec

from confiture.cli.command import CommonSqlParam, ShellParam
from confiture_incremental.commands.running import Running, run
from confiture_incremental.model import DownRequest, RunReport

__all__ = ["down"]


async def down(*, running: Running | None = None, common: CommonSqlParam = None, shell: ShellParam) -> RunReport:
    """Take back the newest migration, or --steps of them, or all above --target (0 for all)."""
    return await run(shell, common, "down", msgspec.convert((running or Running()).as_request(), DownRequest))
